package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/gate"
)

// longestIngestWait is how often, at least, is looked whether another process
// has finished a blob.
const longestIngestWait = 20 * time.Millisecond

// A Writer adds one blob to the store. It is an io.Writer and, as such, not
// safe for concurrent use. It hashes what it is given, so that nobody else has
// to. Commit or Close ends it; Close after Commit does nothing.
type Writer struct {
	lease *Lease
	want  image.Descriptor // the digest is empty when it is to be found out
	file  *os.File         // locked; nil when closed
	path  string
	hash  digest.Digester
	size  int64
	fresh bool // the file has a name of its own and cannot be resumed
}

// Ingest begins to add the blob that d describes. Only one process at a time
// does so: others wait until it has finished, or given up, or died. The error
// matches [ErrExists] when the blob is there, perhaps because of that wait; it
// is kept by the lease then. When an earlier attempt left a part of it, the
// Writer goes on from there, see [Writer.Offset].
func (l *Lease) Ingest(ctx context.Context, d image.Descriptor) (*Writer, error) {
	w, err := l.ingest(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("ingest %s: %w", d.Digest, err)
	}
	return w, nil
}

func (l *Lease) ingest(ctx context.Context, d image.Descriptor) (*Writer, error) {
	if err := image.CheckDescriptor(d); err != nil {
		return nil, err
	}
	s := l.store
	path := s.path("ingest", d.Digest.Algorithm().String()+"-"+d.Digest.Encoded())
	for {
		switch err := l.Keep(ctx, d); {
		case err == nil:
			return nil, ErrExists
		case !errors.Is(err, image.ErrNotFound):
			return nil, err
		}
		f, err := s.lockFile(ctx, path)
		if err != nil {
			return nil, err
		}
		w := &Writer{lease: l, want: d, file: f, path: path, hash: d.Digest.Algorithm().Digester()}
		ok, err := s.has(d.Digest)
		switch {
		case err != nil:
			return nil, errors.Join(err, w.Close())
		case ok: // finished between the look and the lock
			if err := w.discard(); err != nil {
				return nil, err
			}
			continue
		}
		if err := w.resume(); err != nil {
			return nil, errors.Join(err, w.Close())
		}
		return w, nil
	}
}

// lockFile opens, or makes, a file and takes its lock, which may take as long
// as somebody else has it. The result is the file that has this name.
func (s *Store) lockFile(ctx context.Context, path string) (*os.File, error) {
	return s.lockNamed(path, func(f *os.File) error {
		return gate.Await(ctx, longestIngestWait, func() (bool, error) { return tryLock(f, 0) })
	})
}

// tryLockFile is lockFile that does not wait: the error is ErrBusy.
func (s *Store) tryLockFile(ctx context.Context, path string) (*os.File, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return s.lockNamed(path, func(f *os.File) error {
		ok, err := tryLock(f, 0)
		if err == nil && !ok {
			err = ErrBusy
		}
		return err
	})
}

func (s *Store) lockNamed(path string, take func(*os.File) error) (*os.File, error) {
	for {
		f, err := s.files.openOrCreate(path)
		if err != nil {
			return nil, err
		}
		if err := take(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		mine, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		named, err := os.Lstat(path)
		if err == nil && os.SameFile(mine, named) {
			return f, nil
		}
		// It was finished or removed while this one waited.
		if closeErr := f.Close(); err != nil && !errors.Is(err, os.ErrNotExist) || closeErr != nil {
			return nil, errors.Join(err, closeErr)
		}
	}
}

// resume hashes what an earlier attempt has left.
func (w *Writer) resume() error {
	info, err := w.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > w.want.Size {
		return w.Reset()
	}
	w.size, err = io.Copy(w.hash.Hash(), w.file)
	return err
}

// Create begins to add a blob whose digest is not known yet; [Writer.Commit]
// tells it. What is not committed is lost.
func (l *Lease) Create(ctx context.Context, mediaType string) (*Writer, error) {
	s := l.store
	g, err := s.share(ctx)
	if err != nil {
		return nil, fmt.Errorf("create blob: %w", err)
	}
	defer g.Close()
	path := s.path("ingest", tempName())
	f, err := s.files.create(path)
	if err != nil {
		return nil, fmt.Errorf("create blob: %w", err)
	}
	w := &Writer{
		lease: l, want: image.Descriptor{MediaType: mediaType}, file: f, path: path,
		hash: digest.Canonical.Digester(), fresh: true,
	}
	ok, err := tryLock(f, 0)
	if err == nil && !ok {
		err = fmt.Errorf("BUG: new file %s is locked", path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create blob: %w", err), w.Close())
	}
	return w, nil
}

// Offset is how many bytes are there, from this Writer or from an earlier
// attempt: the next Write is to bring the bytes from there on.
func (w *Writer) Offset() int64 { return w.size }

// ReadAt reads what is there, for somebody who needs all of a blob that an
// earlier attempt has begun.
func (w *Writer) ReadAt(b []byte, off int64) (int, error) {
	if w.file == nil {
		return 0, fmt.Errorf("read blob: %w", ErrReleased)
	}
	return w.file.ReadAt(b, off)
}

// Reset throws away what is there, for a source that cannot go on in the
// middle.
func (w *Writer) Reset() error {
	if w.file == nil {
		return fmt.Errorf("start blob again: %w", ErrReleased)
	}
	if err := w.lease.store.files.truncate(w.file); err != nil {
		return fmt.Errorf("start blob again: %w", err)
	}
	w.hash.Hash().Reset()
	w.size = 0
	return nil
}

// Write adds bytes. More than the descriptor's size is an *image.SizeError,
// and nothing of it is written.
func (w *Writer) Write(b []byte) (int, error) {
	if w.file == nil {
		return 0, fmt.Errorf("write blob: %w", ErrReleased)
	}
	if after := w.size + int64(len(b)); w.want.Digest != "" && after > w.want.Size {
		return 0, fmt.Errorf("write blob: %w", &image.SizeError{Digest: w.want.Digest, Want: w.want.Size, Got: after})
	}
	n, err := w.lease.store.files.write(w.file, b)
	_, _ = w.hash.Hash().Write(b[:n]) // a hash never fails
	w.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("write blob: %w", err)
	}
	return n, nil
}
