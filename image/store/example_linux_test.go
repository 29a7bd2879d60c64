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
	defer remove(s)
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
		panic(err)
	}
	return dir
}

// remove removes a store.
func remove(s *store.Store) {
	if err := os.RemoveAll(s.Dir()); err != nil {
		panic(err)
	}
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
	defer remove(s)
	lease, err := s.Lease(ctx)
	if err != nil {
		log.Fatal(err)
	}
	const content = "content of a layer"
	desc := image.Describe(image.MediaTypeOCILayer, []byte(content))
	for _, most := range []int64{7, 100, 100} { // the first connection breaks early
		if err := fetch(ctx, lease, desc, content, most); err != nil {
			fmt.Println(err)
		}
	}
	if err := lease.Release(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// go on at 0
	// not complete
	// go on at 7
	// it is there
}

// fetch gets a blob over a connection that carries so many bytes at most.
func fetch(ctx context.Context, lease *store.Lease, desc image.Descriptor, content string, most int64) error {
	w, err := lease.Ingest(ctx, desc)
	if errors.Is(err, store.ErrExists) {
		fmt.Println("it is there")
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Println("go on at", w.Offset())
	rest := strings.NewReader(content[w.Offset():]) // an HTTP request with a range
	_, err = io.Copy(w, io.LimitReader(rest, most))
	if err == nil {
		if _, err = w.Commit(ctx); errors.Is(err, image.ErrCorrupt) {
			err = errors.New("not complete")
		}
	}
	return errors.Join(err, w.Close()) // what was written stays
}

// A back end unpacks a layer, unless somebody has done so.
func ExampleLease_Unpack() {
	ctx := context.Background()
	s, err := store.Open(exampleDir())
	if err != nil {
		log.Fatal(err)
	}
	defer remove(s)
	lease, err := s.Lease(ctx)
	if err != nil {
		log.Fatal(err)
	}
	key := store.LayerKey{Kind: "dir", Digest: image.Describe("", nil).Digest}
	for range 2 {
		if err := unpackExample(ctx, lease, key); err != nil {
			log.Fatal(err)
		}
	}
	if err := lease.Release(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// unpacked
	// it is there
}

func unpackExample(ctx context.Context, lease *store.Lease, key store.LayerKey) error {
	u, err := lease.Unpack(ctx, key)
	if errors.Is(err, store.ErrExists) {
		fmt.Println("it is there") // Store.Layer has its path
		return nil
	}
	if err != nil {
		return err
	}
	err = os.MkdirAll(filepath.Join(u.Path(), "etc"), 0o755)
	if err == nil {
		_, err = u.Commit(ctx)
	}
	fmt.Println("unpacked")
	return errors.Join(err, u.Close())
}
