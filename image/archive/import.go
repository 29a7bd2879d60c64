package archive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
)

// DefaultMaxBytes limits how much an archive may hold.
const DefaultMaxBytes = 64 << 30

// maxFiles limits how many files an archive may have: an image has some ten.
const maxFiles = 1 << 16

// ImportOptions change an import. The zero value is good for most.
type ImportOptions struct {
	// Repository is the name for images that are known by a tag alone, as OCI
	// layouts often have it: with "example.com/app", an image called "v1"
	// becomes example.com/app:v1. Without it, they get no name.
	Repository string
	// MaxBytes limits the size of all files together, uncompressed; 0 means
	// DefaultMaxBytes.
	MaxBytes int64
	// Progress is told of each file. It is called by one goroutine; nil is fine.
	Progress image.ProgressFunc
}

// Imported is an image that an archive has brought, under one of its names.
type Imported struct {
	Ref    image.Ref // zero when it has none
	Target image.Descriptor
}

// Import adds the images of a tar archive, which may be packed with gzip or
// zstd, to a store. Names of the archive move, as those of docker load do. It
// returns when all of r was read; on an error the store is as it was.
func Import(ctx context.Context, s *store.Store, r io.Reader, o ImportOptions) ([]Imported, error) {
	return run(ctx, s, o, func(im *importer) (contents, error) { return im.readTar(ctx, r) })
}

// ImportFile is Import for a file or, when path is a directory, for the OCI
// layout in it. Of a directory, only what its index names is read.
func ImportFile(ctx context.Context, s *store.Store, path string, o ImportOptions) ([]Imported, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("import image: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("import image: %w", err)
	}
	if !info.IsDir() {
		return Import(ctx, s, f, o)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("import image: %w", err)
	}
	found, err := run(ctx, s, o, func(im *importer) (contents, error) {
		return &directory{im, root, make(map[string]image.Descriptor)}, nil
	})
	return found, errors.Join(err, root.Close())
}

// importer is one import.
type importer struct {
	store *store.Store
	lease *store.Lease
	opts  ImportOptions
	left  int64 // bytes that may still come
	files int
	found []Imported
}

// contents are the files of an archive, as blobs of the store.
type contents interface {
	// file adds a file to the store, unless it has been, and describes it; the
	// media type is up to the caller. The error matches image.ErrNotFound.
	file(ctx context.Context, name string) (image.Descriptor, error)
}

// run reads an archive under a lease, and names the images when everything is
// in order.
func run(ctx context.Context, s *store.Store, o ImportOptions, open func(*importer) (contents, error)) ([]Imported, error) {
	lease, err := s.Lease(ctx)
	if err != nil {
		return nil, fmt.Errorf("import image: %w", err)
	}
	im := &importer{store: s, lease: lease, opts: o, left: o.MaxBytes}
	if im.left == 0 {
		im.left = DefaultMaxBytes
	}
	c, err := open(im)
	if err == nil {
		err = im.resolve(ctx, c)
	}
	for i := 0; i < len(im.found) && err == nil; i++ {
		err = lease.Tag(ctx, im.found[i].Ref, im.found[i].Target)
	}
	// What no image needs goes, also when ctx has ended.
	err = errors.Join(err, lease.Discard(context.WithoutCancel(ctx)))
	if err != nil {
		return nil, fmt.Errorf("import image: %w", err)
	}
	return im.found, nil
}

// resolve finds the images in an archive.
func (im *importer) resolve(ctx context.Context, c contents) error {
	_, err := c.file(ctx, layoutFile)
	if err == nil {
		return im.resolveLayout(ctx, c)
	}
	if !errors.Is(err, image.ErrNotFound) {
		return err
	}
	if _, err = c.file(ctx, dockerFile); err == nil {
		return im.resolveDocker(ctx, c)
	}
	if !errors.Is(err, image.ErrNotFound) {
		return err
	}
	return fmt.Errorf("neither %s nor %s is in it: %w", layoutFile, dockerFile, image.ErrInvalid)
}

// read reads a small file.
func (im *importer) read(ctx context.Context, c contents, name string, limit int64) ([]byte, error) {
	d, err := c.file(ctx, name)
	if err != nil {
		return nil, err
	}
	b, err := image.ReadAll(ctx, im.store, d, limit)
	if err != nil {
		return nil, at(name, err)
	}
	return b, nil
}

// room takes the size of a file off what may still come.
func (im *importer) room(name string, size int64) error {
	if im.files++; im.files > maxFiles {
		return &image.LimitError{What: "number of files", Limit: maxFiles}
	}
	if size < 0 || size > im.left {
		return at(name, &image.LimitError{What: "size of the archive", Limit: im.limit()})
	}
	im.left -= size
	return nil
}

func (im *importer) limit() int64 {
	if im.opts.MaxBytes == 0 {
		return DefaultMaxBytes
	}
	return im.opts.MaxBytes
}

// at names the file that an error is about.
func at(name string, err error) error {
	return &image.Error{Op: "read archive", Path: name, Err: err}
}

// invalid is an error about the form of a file.
func invalid(name, format string, args ...any) error {
	return at(name, fmt.Errorf("%w: %s", image.ErrInvalid, fmt.Sprintf(format, args...)))
}

// unpacked gives the tar in r, which may be packed. The caller closes it.
func unpacked(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	head, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return unpack(b, layer.Detect(head))
}
