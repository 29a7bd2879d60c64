package archive

import (
	"context"
	"errors"
	"os"

	"github.com/sandkit/sandkit/image"
)

// directory is an OCI layout on disk.
type directory struct {
	im   *importer
	root *os.Root
	done map[string]image.Descriptor
}

// file adds a file of the directory, which must be a regular one: a link could
// lead to what the archive does not have, a FIFO could block.
func (d *directory) file(ctx context.Context, name string) (image.Descriptor, error) {
	if desc, ok := d.done[name]; ok {
		return desc, nil
	}
	info, err := d.root.Lstat(name)
	if errors.Is(err, os.ErrNotExist) {
		return image.Descriptor{}, at(name, image.ErrNotFound)
	}
	if err != nil {
		return image.Descriptor{}, at(name, err)
	}
	if !info.Mode().IsRegular() {
		return image.Descriptor{}, invalid(name, "not a regular file but %v", info.Mode().Type())
	}
	f, err := d.root.OpenFile(name, openFlags, 0)
	if err != nil {
		return image.Descriptor{}, at(name, err)
	}
	defer f.Close()
	same, err := f.Stat()
	if err == nil && !os.SameFile(info, same) {
		err = invalid(name, "it was replaced meanwhile")
	}
	if err == nil {
		err = d.im.room(name, same.Size())
	}
	if err != nil {
		return image.Descriptor{}, err
	}
	desc, err := d.im.add(ctx, name, same.Size(), f)
	if err == nil {
		d.done[name] = desc
	}
	return desc, err
}
