package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/archive"
	"github.com/sandkit/sandkit/image/store"
)

// A root tarball becomes an image, which is saved and loaded again.
func Example() {
	ctx := context.Background()
	s, err := store.Open(exampleDir())
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := os.RemoveAll(s.Dir()); err != nil {
			log.Fatal(err)
		}
	}()
	ref, err := image.ParseRef("example.com/base")
	if err != nil {
		log.Fatal(err)
	}
	img, err := archive.ImportRoot(ctx, s, rootTarball(), archive.RootOptions{
		Ref: ref, Config: image.RunConfig{Cmd: []string{"/bin/sh"}},
		Platform: image.Platform{OS: "linux", Architecture: "amd64"}, Created: time.Unix(0, 0),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(img.Layers()), "layer,", img.Config().Config.Cmd)

	var saved bytes.Buffer
	if err := archive.Export(ctx, s, &saved, archive.ExportOptions{}, "example.com/base"); err != nil {
		log.Fatal(err)
	}
	if _, err := s.Remove(ctx, "example.com/base", false); err != nil {
		log.Fatal(err)
	}
	found, err := archive.Import(ctx, s, &saved, archive.ImportOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found[0].Ref, found[0].Target.Digest == img.Descriptor().Digest)
	// Output:
	// 1 layer, [/bin/sh]
	// example.com/base:latest true
}

func exampleDir() string {
	dir, err := os.MkdirTemp("", "sandkit-example-")
	if err != nil {
		log.Fatal(err)
	}
	return dir
}

func rootTarball() *bytes.Buffer {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return &b
}
