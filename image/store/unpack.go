package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/sandkit/sandkit/image"
)

// A LayerKey names an unpacked layer: how it is unpacked, and the digest that
// it is kept by. An image keeps the trees with the digests of its layers'
// uncompressed tars and with its chain ids, see [image.ChainIDs].
type LayerKey struct {
	Kind   string // the back end's name: letters, digits and '-'
	Digest image.Digest
}

func (k LayerKey) check() error {
	if k.Kind == "" || strings.Trim(k.Kind, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("layer kind %q: %w", k.Kind, image.ErrInvalid)
	}
	if err := k.Digest.Validate(); err != nil {
		return fmt.Errorf("layer digest %q: %w", string(k.Digest), err)
	}
	return nil
}

// name is a file name that has all of the key; the kind has no dot.
func (k LayerKey) name() string {
	return k.Kind + "." + k.Digest.Algorithm().String() + "." + k.Digest.Encoded()
}

// parseLayerName is the reverse of name.
func parseLayerName(name string) (LayerKey, bool) {
	parts := strings.Split(name, ".")
	if len(parts) != 3 {
		return LayerKey{}, false
	}
	k := LayerKey{Kind: parts[0], Digest: image.Digest(parts[1] + ":" + parts[2])}
	return k, k.check() == nil
}

// An Unpacking is a layer that is being unpacked. Commit or Close ends it;
// Close after Commit does nothing.
type Unpacking struct {
	lease *Lease
	key   LayerKey
	lock  *os.File // nil when ended
}

// Unpack begins to unpack a layer. Only one process at a time does so: others
// wait until it has finished, or given up, or died. The error matches
// [ErrExists] when the layer is there, perhaps because of that wait; it is kept
// by the lease then, and [Store.Layer] has its path.
func (l *Lease) Unpack(ctx context.Context, key LayerKey) (*Unpacking, error) {
	return l.begin(ctx, key, l.store.lockFile)
}

// TryUnpack is [Lease.Unpack] for those who have other things to do than to
// wait: the error matches [ErrBusy] while somebody else unpacks the layer.
func (l *Lease) TryUnpack(ctx context.Context, key LayerKey) (*Unpacking, error) {
	return l.begin(ctx, key, l.store.tryLockFile)
}

// locker opens, or makes, a file and takes its lock.
type locker func(ctx context.Context, path string) (*os.File, error)

func (l *Lease) begin(ctx context.Context, key LayerKey, lock locker) (*Unpacking, error) {
	u, err := l.unpack(ctx, key, lock)
	if err != nil {
		return nil, fmt.Errorf("unpack layer %s: %w", key.Digest, err)
	}
	return u, nil
}

func (l *Lease) unpack(ctx context.Context, key LayerKey, take locker) (*Unpacking, error) {
	if err := key.check(); err != nil {
		return nil, err
	}
	for {
		switch err := l.KeepLayer(ctx, key); {
		case err == nil:
			return nil, ErrExists
		case !errors.Is(err, image.ErrNotFound):
			return nil, err
		}
		lock, err := take(ctx, l.store.path("unpack", key.name()+".lock"))
		if err != nil {
			return nil, err
		}
		u := &Unpacking{lease: l, key: key, lock: lock}
		// What a killed process has left is of no use.
		done, err := exists(l.store.layerPath(key))
		if err == nil {
			err = l.store.files.removeAll(u.Path())
		}
		if err != nil {
			return nil, errors.Join(err, u.Close())
		}
		if !done {
			return u, nil
		}
		if err := u.Close(); err != nil {
			return nil, err
		}
	}
}

// Path is where the layer is to be unpacked to: a name that nothing has yet,
// for a file or a directory, in a directory that only this user can enter. It
// is on the same file system as the finished layers.
func (u *Unpacking) Path() string { return u.lease.store.path("unpack", u.key.name()) }

// Commit makes what is at Path a layer of the store, kept by the lease, and
// gives its path.
func (u *Unpacking) Commit(ctx context.Context) (string, error) {
	if u.lock == nil {
		return "", fmt.Errorf("commit layer %s: %w", u.key.Digest, ErrReleased)
	}
	path, err := u.commit(ctx)
	if err != nil {
		return "", fmt.Errorf("commit layer %s: %w", u.key.Digest, err)
	}
	return path, nil
}

func (u *Unpacking) commit(ctx context.Context) (string, error) {
	s := u.lease.store
	if err := s.files.syncTree(u.Path()); err != nil {
		return "", err
	}
	g, err := s.share(ctx)
	if err != nil {
		return "", err
	}
	defer g.Close()
	if err := u.lease.note(layerLine(u.key)); err != nil {
		return "", err
	}
	path := s.layerPath(u.key)
	if err := s.files.rename(u.Path(), path); err != nil {
		return "", err
	}
	return path, u.end()
}

// end removes the lock's file and frees the lock.
func (u *Unpacking) end() error {
	f := u.lock
	u.lock = nil
	return errors.Join(u.lease.store.files.remove(f.Name()), unlock(f, 0), f.Close())
}

// Close gives up an unpacking that was not committed and removes what is at
// Path. Closing again does nothing; it is safe on nil.
func (u *Unpacking) Close() error {
	if u == nil || u.lock == nil {
		return nil
	}
	if err := errors.Join(u.lease.store.files.removeAll(u.Path()), u.end()); err != nil {
		return fmt.Errorf("give up layer %s: %w", u.key.Digest, err)
	}
	return nil
}

func (s *Store) layerPath(k LayerKey) string { return s.path("layers", k.name()) }

// Layer is the path of an unpacked layer; the error matches
// [image.ErrNotFound] when it is not there. Without a lease that keeps it, or
// an image of it, it may be gone the next moment.
func (s *Store) Layer(key LayerKey) (string, error) {
	if err := key.check(); err != nil {
		return "", fmt.Errorf("find layer: %w", err)
	}
	ok, err := exists(s.layerPath(key))
	if err == nil && !ok {
		err = &NotFoundError{What: "layer", Name: key.Kind + " " + string(key.Digest)}
	}
	if err != nil {
		return "", fmt.Errorf("find layer: %w", err)
	}
	return s.layerPath(key), nil
}

// KeepLayer keeps an unpacked layer, as [Lease.Keep] keeps blobs.
func (l *Lease) KeepLayer(ctx context.Context, key LayerKey) error {
	g, err := l.store.share(ctx)
	if err != nil {
		return fmt.Errorf("keep layer: %w", err)
	}
	defer g.Close()
	if _, err := l.store.Layer(key); err != nil {
		return fmt.Errorf("keep layer: %w", err)
	}
	if err := l.note(layerLine(key)); err != nil {
		return fmt.Errorf("keep layer: %w", err)
	}
	return nil
}
