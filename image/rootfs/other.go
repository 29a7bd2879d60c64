//go:build !linux

package rootfs

import (
	"context"
	"io"
	iofs "io/fs"
	"os"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/kernel"
)

func unsupported(what string) error {
	return &kernel.NotSupportedError{Feature: what, Hint: "it takes Linux"}
}

// An Unpacker is for Linux only.
type Unpacker struct{}

// Begin is for Linux only.
func Begin(context.Context, *store.Lease, image.Image, Options) (*Unpacker, error) {
	return nil, unsupported("unpacking of images")
}

// Unpack is for Linux only.
func Unpack(context.Context, *store.Lease, image.Image, Options) (*Stack, error) {
	return nil, unsupported("unpacking of images")
}

// Feed is for Linux only.
func (u *Unpacker) Feed(context.Context, image.Layer, io.Reader) error {
	return unsupported("unpacking of images")
}

// Finish is for Linux only.
func (u *Unpacker) Finish(context.Context) (*Stack, error) {
	return nil, unsupported("unpacking of images")
}

// Close does nothing.
func (u *Unpacker) Close() error { return nil }

// A View is for Linux only.
type View struct{}

// Mount is for Linux only.
func Mount(context.Context, *store.Store, string, MountOptions) (*View, error) {
	return nil, unsupported("view of an image")
}

// Path is for Linux only.
func (v *View) Path() string { return "" }

// FS is for Linux only.
func (v *View) FS() iofs.FS { return nil }

// Close does nothing.
func (v *View) Close() error { return nil }

// OpenLayers is for Linux only.
func (s *Stack) OpenLayers() ([]*os.File, func() error, error) {
	return nil, nil, unsupported("opening of layers")
}

// Open is for Linux only.
func (s *Stack) Open(string) (io.ReadCloser, error) { return nil, unsupported("opening of layers") }
