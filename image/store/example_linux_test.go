package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// A program adds an image, finds it again, and removes it.
func Example() {
	ctx := context.Background()
	s, err := store.Open(exampleDir())
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(s.Dir())
	if err := addExample(ctx, s, "example.com/app:1"); err != nil {
		log.Fatal(err)
	}
	images, err := s.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, i := range images {
		fmt.Println(i.Refs[0].Familiar(), i.Platforms[0], i.Size, "bytes")
	}
	report, err := s.Remove(ctx, "example.com/app:1", false)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Blobs, "blobs removed")
	// Output:
	// example.com/app:1 linux/amd64 557 bytes
	// 3 blobs removed
}

// exampleDir is a directory for the examples.
func exampleDir() string {
	dir, err := os.MkdirTemp("", "sandkit-example-")
	if err != nil {
		log.Fatal(err)
	}
	return dir
}

// addExample adds an image of one layer.
func addExample(ctx context.Context, s *store.Store, name string) (err error) {
	lease, err := s.Lease(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	layer, err := lease.Put(ctx, image.MediaTypeOCILayer, []byte("a tar"))
	if err != nil {
		return err
	}
	config, err := json.Marshal(image.Config{
		OS: "linux", Architecture: "amd64",
		RootFS: image.RootFS{Type: "layers", DiffIDs: []image.Digest{layer.Digest}},
	})
	if err != nil {
		return err
	}
	m := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest, Layers: []image.Descriptor{layer}}
	if m.Config, err = lease.Put(ctx, image.MediaTypeOCIConfig, config); err != nil {
		return err
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return err
	}
	target, err := lease.Put(ctx, image.MediaTypeOCIManifest, manifest)
	if err != nil {
		return err
	}
	ref, err := image.ParseRef(name)
	if err != nil {
		return err
	}
	return lease.Tag(ctx, ref, target)
}

// A registry client goes on where an earlier attempt stopped.
func ExampleLease_Ingest() {
	ctx := context.Background()
	s, err := store.Open(exampleDir())
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(s.Dir())
	lease, err := s.Lease(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer lease.Release()
	const content = "content of a layer"
	desc := image.Describe(image.MediaTypeOCILayer, []byte(content))
	for _, most := range []int64{7, 100, 100} { // the first connection breaks early
		w, err := lease.Ingest(ctx, desc)
		if errors.Is(err, store.ErrExists) {
			fmt.Println("it is there")
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("go on at", w.Offset())
		rest := strings.NewReader(content[w.Offset():]) // an HTTP request with a range
		if _, err := io.Copy(w, io.LimitReader(rest, most)); err != nil {
			log.Fatal(err)
		}
		if _, err := w.Commit(ctx); err != nil {
			fmt.Println("not complete:", errors.Is(err, image.ErrCorrupt))
		}
		if err := w.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// go on at 0
	// not complete: true
	// go on at 7
	// it is there
}

// A back end unpacks a layer, unless somebody has done so.
func ExampleLease_Unpack() {
	var (
		ctx   = context.Background()
		lease *store.Lease // from Store.Lease
		key   = store.LayerKey{Kind: "dir", Digest: image.Describe("", nil).Digest}
	)
	if lease == nil {
		return
	}
	u, err := lease.Unpack(ctx, key)
	if errors.Is(err, store.ErrExists) {
		return // Store.Layer has its path
	}
	if err != nil {
		log.Fatal(err)
	}
	defer u.Close()
	if err := os.MkdirAll(filepath.Join(u.Path(), "etc"), 0o755); err != nil {
		log.Fatal(err)
	}
	path, err := u.Commit(ctx)
	fmt.Println(path, err)
}
