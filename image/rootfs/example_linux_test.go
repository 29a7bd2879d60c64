package rootfs_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/archive"
	"github.com/sandkit/sandkit/image/rootfs"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/kernel"
)

// exampleImage gives a store with one image, and a function that removes it.
func exampleImage(ctx context.Context) (s *store.Store, img image.Image, remove func(), err error) {
	dir, err := os.MkdirTemp("", "sandkit-example-")
	if err != nil {
		return nil, nil, nil, err
	}
	if s, err = store.Open(dir, store.NoSync()); err != nil {
		return nil, nil, nil, err
	}
	var root bytes.Buffer
	w := tar.NewWriter(&root)
	err = errors.Join(
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "etc/", Mode: 0o755}),
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "etc/hostname", Mode: 0o644, Size: 8}),
	)
	fmt.Fprintln(w, "sandkit")
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, nil, nil, err
	}
	ref, err := image.ParseRef("example.com/base")
	if err != nil {
		return nil, nil, nil, err
	}
	img, err = archive.ImportRoot(ctx, s, &root, archive.RootOptions{Ref: ref})
	return s, img, func() { _ = os.RemoveAll(dir) }, err
}

// The layers of an image are unpacked, each once.
func ExampleUnpack() {
	ctx := context.Background()
	s, img, remove, err := exampleImage(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer remove()
	lease, err := s.Lease(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := lease.Release(); err != nil {
			log.Fatal(err)
		}
	}()
	stack, err := rootfs.Unpack(ctx, lease, img, rootfs.Options{Backend: rootfs.Directory})
	if err != nil {
		log.Fatal(err)
	}
	name, err := os.ReadFile(stack.Layers[0].Path + "/etc/hostname")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d layer, a %s; root %#o\n%s", len(stack.Layers), stack.Layers[0].Kind, stack.Root.Mode, name)
	// Output:
	// 1 layer, a dir; root 0755
	// sandkit
}

// An image can be unpacked while it is being downloaded.
func ExampleUnpacker() {
	ctx := context.Background()
	s, img, remove, err := exampleImage(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer remove()
	lease, err := s.Lease(ctx)
	if err != nil {
		log.Fatal(err)
	}
	u, err := rootfs.Begin(ctx, lease, img, rootfs.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := errors.Join(u.Close(), lease.Release()); err != nil {
			log.Fatal(err)
		}
	}()
	for _, l := range img.Layers() {
		download, err := l.Open(ctx) // a registry's in earnest, and each in a goroutine
		if err != nil {
			log.Fatal(err)
		}
		if err := errors.Join(u.Feed(ctx, l, download), download.Close()); err != nil {
			log.Fatal(err)
		}
	}
	stack, err := u.Finish(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(stack.Layers), "layer")
	// Output: 1 layer
}

// The files of an image can be read without a sandbox.
func ExampleMount() {
	ctx := context.Background()
	s, _, remove, err := exampleImage(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer remove()
	view, err := rootfs.Mount(ctx, s, "example.com/base", rootfs.MountOptions{})
	if errors.Is(err, kernel.ErrNotSupported) {
		fmt.Println("sandkit") // only root may mount
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := view.Close(); err != nil {
			log.Fatal(err)
		}
	}()
	name, err := fs.ReadFile(view.FS(), "etc/hostname")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(name))
	// Output: sandkit
}
