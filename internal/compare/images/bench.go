package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/archive"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/internal/compare/images/testimage"
)

// A bench is what rows share.
type bench struct {
	runs               int
	size               int64 // of an ext4
	self               string
	o                  testimage.Options
	huge               int64 // bytes in the layer of the huge image
	starts, slowStarts int   // of sandboxes, of each kind
	gzip               *testImage
	zstd               *testImage
	server             *server          // that has the images, once there is one
	noServer           error            // why there is none
	notes              []figures.Figure // what is to be said about the run
}

// newBench makes what is common: the memory, and the test image in both forms.
func newBench(ctx context.Context, s *settings) (*bench, error) {
	if err := mountMemory(ctx); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &bench{runs: s.runs, size: 4 << 30, self: self, huge: 1 << 30, starts: 200, slowStarts: 40}
	if s.small {
		b.size, b.o, b.huge, b.starts, b.slowStarts = 256<<20, testimage.Small(), 1<<20, 5, 2
	} else {
		path, note, err := baseTar(ctx)
		if err != nil {
			return nil, err
		}
		b.o = testimage.Full(path)
		if note != "" {
			b.notes = append(b.notes, figures.Told("the image's lowest layer", "%s", note))
		}
	}
	if b.gzip, err = b.build(ctx, "gzip", image.Gzip, b.o.Layers()...); err != nil {
		return nil, err
	}
	b.zstd, err = b.build(ctx, "zstd", image.Zstd, b.o.Layers()...)
	return b, err
}

// close ends what was started. The memory goes with the program.
func (b *bench) close() error { return b.server.close() }

// A testImage is one of the images, in two forms.
type testImage struct {
	name   string
	tag    string
	store  string   // the directory of a store that has only this image
	layout string   // that of an OCI layout, see testImage.lay
	blobs  []string // the layers' names in a layout, the lowest first
}

// build makes an image.
func (b *bench) build(ctx context.Context, tag string, c image.Compression, layers ...testimage.Layer) (*testImage, error) {
	t := &testImage{name: "localhost/test:" + tag, tag: tag, store: filepath.Join(memory, "store-"+tag), layout: filepath.Join(memory, "layout-"+tag)}
	ref, err := image.ParseRef(t.name)
	if err != nil {
		return nil, err
	}
	s, err := store.Open(t.store, store.NoSync())
	if err != nil {
		return nil, err
	}
	img, err := testimage.Build(ctx, s, ref, c, layers...)
	if err != nil {
		return nil, err
	}
	packed := int64(0)
	for _, l := range img.Layers() {
		d := l.Descriptor()
		packed += d.Size
		t.blobs = append(t.blobs, filepath.Join("blobs", d.Digest.Algorithm().String(), d.Digest.Encoded()))
	}
	b.notes = append(b.notes, figures.Told(fmt.Sprintf("the image %s, packed, MB", tag), "%.1f", float64(packed)/1e6))
	return t, nil
}

// lay makes the image's layout, unless it is there.
func (t *testImage) lay(ctx context.Context) error {
	if _, err := os.Stat(t.layout); !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	s, err := store.Open(t.store)
	if err != nil {
		return err
	}
	return archive.ExportDir(ctx, s, t.layout, archive.ExportOptions{Format: archive.OCI}, t.name)
}
