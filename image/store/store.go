package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/gate"
)

// A Store is a directory of images. It holds no descriptors and needs no
// closing. All methods are safe for concurrent use, also by other processes.
type Store struct {
	dir    string
	files  files
	last   lastTable
	images cache
}

var _ image.Source = (*Store)(nil)

// An Option changes how a store is used.
type Option func(*Store)

// NoSync leaves it to the kernel when content reaches the disk, which is
// faster. Killed processes still do no harm, but after a power cut there may
// be damaged blobs, which [Store.Verify] finds, and a damaged table of images.
func NoSync() Option { return func(s *Store) { s.files.noSync = true } }

// DefaultDir is where images are without further ado: /var/lib/sandkit/images
// for root, otherwise sandkit/images in $XDG_DATA_HOME, or in ~/.local/share
// where that is not set.
func DefaultDir() (string, error) { return gate.DataDir("images") }

// Open opens the store in a directory, which is made, with mode 0700, if need
// be; an empty name means [DefaultDir]. A directory must be the user's own, and
// writable by nobody else (fs.ErrPermission), and either empty or a store
// ([ErrNotStore]). A store of a newer version is a *[VersionError].
func Open(dir string, opts ...Option) (*Store, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	var err error
	if dir == "" {
		dir, err = DefaultDir()
	}
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{dir: dir}
	for _, o := range opts {
		o(s)
	}
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	return s, nil
}

// Dir is the store's directory, as an absolute path.
func (s *Store) Dir() string { return s.dir }

func (s *Store) path(names ...string) string {
	return filepath.Join(append([]string{s.dir}, names...)...)
}

// blobPath is where a blob is or would be. The digest must be valid.
func (s *Store) blobPath(d image.Digest) string {
	return s.path("blobs", d.Algorithm().String(), d.Encoded())
}

// has tells whether a blob is there.
func (s *Store) has(d image.Digest) (bool, error) {
	return exists(s.blobPath(d))
}

func (s *Store) blobInfo(d image.Digest) (os.FileInfo, error) {
	info, err := os.Lstat(s.blobPath(d))
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, &NotFoundError{What: "blob", Name: string(d)}
	}
	return info, err
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Has tells whether a blob of that digest is there. Without a [Lease] it may
// be gone the next moment.
func (s *Store) Has(d image.Digest) (bool, error) {
	if err := d.Validate(); err != nil {
		return false, fmt.Errorf("look for blob %q: %w", string(d), err)
	}
	return s.has(d)
}

// Open opens a blob; it is an *os.File, so that it can be read at any offset.
// Its size is checked, its digest is not: see [Verified]. The error matches
// [image.ErrNotFound] when there is none. The caller closes it; it stays
// readable when it is removed from the store meanwhile.
func (s *Store) Open(ctx context.Context, d image.Descriptor) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return s.openBlob(d)
}

func (s *Store) openBlob(d image.Descriptor) (*os.File, error) {
	if err := d.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("open blob %q: %w", string(d.Digest), err)
	}
	f, err := os.OpenFile(s.blobPath(d.Digest), os.O_RDONLY|noFollow, 0)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, &NotFoundError{What: "blob", Name: string(d.Digest)}
	}
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != d.Size {
		err = &image.SizeError{Digest: d.Digest, Want: d.Size, Got: info.Size()}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open blob: %w", err), f.Close())
	}
	return f, nil
}

// String names the store by its directory.
func (s *Store) String() string { return "image store " + strings.TrimSuffix(s.dir, "/") }
