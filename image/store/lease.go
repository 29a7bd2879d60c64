package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/sandkit/sandkit/image"
)

// A Lease keeps what it names, and what that refers to, from being collected:
// manifests keep their configurations, layers and unpacked trees. Everything
// that is added to a store is added under a lease. It ends with Release or with
// the process. All methods are safe for concurrent use.
type Lease struct {
	store *Store
	mu    sync.Mutex
	file  *os.File        // nil when released; its first byte is locked
	kept  map[string]bool // lines of the file
	added map[image.Digest]bool
}

// Lease begins a lease that names nothing yet. The caller releases it.
func (s *Store) Lease(ctx context.Context) (*Lease, error) {
	// Inside the gate, no collector sees the file before it is locked.
	g, err := s.share(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin lease: %w", err)
	}
	defer g.Close()
	f, err := s.files.create(s.path("leases", tempName()))
	if err != nil {
		return nil, fmt.Errorf("begin lease: %w", err)
	}
	ok, err := tryLock(f, 0)
	if err == nil && !ok {
		err = fmt.Errorf("BUG: new file %s is locked", f.Name())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin lease: %w", err), f.Close(), s.files.remove(f.Name()))
	}
	return &Lease{store: s, file: f, kept: make(map[string]bool), added: make(map[image.Digest]bool)}, nil
}

// Store is the store that the lease is of.
func (l *Lease) Store() *Store { return l.store }

// Release ends the lease: what nothing else keeps is removed by the next
// collection. Releasing again does nothing; it is safe on nil.
func (l *Lease) Release() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	err := l.store.files.remove(f.Name())
	if err := errors.Join(err, unlock(f, 0), f.Close()); err != nil {
		return fmt.Errorf("release lease: %w", err)
	}
	return nil
}

// Give ends the lease for this program, but not what it keeps: that is kept for as
// long as any process has the file open, which the caller passes on and closes.
func (l *Lease) Give() (*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil, fmt.Errorf("give lease: %w", ErrReleased)
	}
	f := l.file
	l.file = nil
	return f, nil
}

// Discard releases the lease and removes, at once, those blobs that were added
// under it and that no image and no other lease keeps. It is for what is not
// worth keeping, such as one half of a broken archive. Released leases discard
// nothing; it is safe on nil.
func (l *Lease) Discard(ctx context.Context) error {
	if l == nil {
		return nil
	}
	if err := l.discard(ctx); err != nil {
		return errors.Join(fmt.Errorf("discard lease: %w", err), l.Release())
	}
	return nil
}

func (l *Lease) discard(ctx context.Context) error {
	var none Report
	return l.store.reduce(ctx, &none, func(t *table, _ held) error {
		l.mu.Lock()
		added := l.added
		if l.file == nil {
			added = nil
		}
		l.mu.Unlock()
		if err := l.Release(); err != nil {
			return err
		}
		h, _, err := l.store.readLeases()
		if err != nil {
			return err
		}
		return l.store.sweep(ctx, t, h, &none, func(d image.Digest, _ os.FileInfo) bool { return added[d] })
	})
}

// noteAdded is note for a blob that is about to be added.
func (l *Lease) noteAdded(d image.Descriptor) error {
	if err := l.note(blobLine(d)); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.added[d.Digest] = true
	}
	return nil
}

// Keep keeps blobs that are in the store; the error matches
// [image.ErrNotFound] when one is not. Of a manifest or an index, what it
// refers to is kept as well, as far as it is there or will be.
func (l *Lease) Keep(ctx context.Context, blobs ...image.Descriptor) error {
	g, err := l.store.share(ctx)
	if err != nil {
		return fmt.Errorf("keep: %w", err)
	}
	defer g.Close()
	for _, d := range blobs {
		if err := image.CheckDescriptor(d); err != nil {
			return fmt.Errorf("keep: %w", err)
		}
		ok, err := l.store.has(d.Digest)
		if err == nil && !ok {
			err = &NotFoundError{What: "blob", Name: string(d.Digest)}
		}
		if err == nil {
			err = l.note(blobLine(d))
		}
		if err != nil {
			return fmt.Errorf("keep: %w", err)
		}
	}
	return nil
}

// note writes down what is kept. The caller is inside the gate.
func (l *Lease) note(line string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return fmt.Errorf("lease: %w", ErrReleased)
	}
	if l.kept[line] {
		return nil
	}
	// A collector that reads it is outside of this gate, so that it never sees
	// half a line, unless this process dies, and then the lease is over. Half a
	// line that a full disk left is ended first.
	if _, err := l.store.files.write(l.file, []byte("\n"+line+"\n")); err != nil {
		return err
	}
	l.kept[line] = true
	return nil
}

func blobLine(d image.Descriptor) string { return "blob " + string(d.Digest) + " " + d.MediaType }

func layerLine(k LayerKey) string { return "layer " + k.Kind + " " + string(k.Digest) }

// held is what leases keep.
type held struct {
	blobs  []image.Descriptor // sizes are not known
	layers map[LayerKey]bool
}

// readLeases gives what living leases keep, and the files of dead ones. The
// caller has the gate alone.
func (s *Store) readLeases() (h held, dead []string, err error) {
	h.layers = make(map[LayerKey]bool)
	entries, err := os.ReadDir(s.path("leases"))
	if err != nil {
		return h, nil, err
	}
	for _, e := range entries {
		path := s.path("leases", e.Name())
		alive, err := s.readLease(path, &h)
		if err != nil {
			return h, nil, fmt.Errorf("read lease %s: %w", filepath.Base(path), err)
		}
		if !alive {
			dead = append(dead, path)
		}
	}
	return h, dead, nil
}

func (s *Store) readLease(path string, h *held) (alive bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil // released meanwhile: nothing to remove
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if free, err := tryLock(f, 0); free || err != nil {
		return false, err
	}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		name, more, _ := strings.Cut(rest, " ")
		switch kind {
		case "blob":
			h.blobs = append(h.blobs, image.Descriptor{Digest: image.Digest(name), MediaType: more})
		case "layer":
			h.layers[LayerKey{Kind: name, Digest: image.Digest(more)}] = true
		}
	}
	return true, lines.Err()
}
