package rootfs

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
)

// staged is a layer that was unpacked for itself and depends on those below.
type staged struct {
	lease  *store.Lease
	form   form
	diffID image.Digest
	u      *store.Unpacking // has the tree at its Path
	own    bool             // u has a key that nobody else can wait for
	info   *layer.Info
	step   func(name string) error
}

// close gives it up. It is safe on nil.
func (s *staged) close() error {
	if s == nil {
		return nil
	}
	return s.u.Close()
}

// opener gives a layer's packed bytes.
type opener func(ctx context.Context) (io.ReadCloser, error)

// stage unpacks a layer for itself, unless that was done or somebody is at it.
func (u *Unpacker) stage(ctx context.Context, s *slot, open opener) error {
	mine, err := u.claim(s.diffID)
	if !mine || err != nil {
		return err
	}
	st, err := u.tryStage(ctx, s, open)
	return errors.Join(u.wrap(s.layer, err), u.put(s.diffID, st))
}

func (u *Unpacker) tryStage(ctx context.Context, s *slot, open opener) (*staged, error) {
	if known, err := u.known(s); known || err != nil {
		return nil, err
	}
	un, err := u.lease.TryUnpack(ctx, u.form.free(s.diffID))
	if errors.Is(err, store.ErrBusy) || errors.Is(err, store.ErrExists) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// Perhaps it was finished between the look and the lock.
	if known, err := u.known(s); known || err != nil {
		return nil, errors.Join(err, un.Close())
	}
	return u.unpack(ctx, s, un, open)
}

// known tells whether something is there that makes unpacking unnecessary, or
// that only the layers below can tell about.
func (u *Unpacker) known(s *slot) (bool, error) {
	for _, key := range []store.LayerKey{u.form.free(s.diffID), u.form.open(s.diffID), u.form.chain(s.chain)} {
		_, err := u.store.Layer(key)
		if err == nil || !errors.Is(err, image.ErrNotFound) {
			return err == nil, err
		}
	}
	return false, nil
}

// unpack unpacks a layer to where un says, and ends that if the layer fits any
// stack. Otherwise the result has it.
func (u *Unpacker) unpack(ctx context.Context, s *slot, un *store.Unpacking, open opener) (_ *staged, err error) {
	st := &staged{lease: u.lease, form: u.form, diffID: s.diffID, u: un, step: u.o.step}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.close())
		}
	}()
	if err := u.o.step("unpack"); err != nil {
		return nil, err
	}
	dir, err := makeTree(un.Path())
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if st.info, err = u.apply(ctx, s, dir, u.form.format, open); err != nil {
		return nil, err
	}
	if err := u.o.step("unpacked"); err != nil || st.info.NeedsLower() {
		return st, err
	}
	r, err := st.record(dir)
	if err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(un.Path(), recordName), r); err != nil {
		return nil, err
	}
	if err := u.o.step("commit"); err != nil {
		return nil, err
	}
	_, err = un.Commit(ctx)
	return nil, err
}

// makeTree makes a directory for a layer, as it is if the layer does not say.
func makeTree(path string) (*os.File, error) {
	root := filepath.Join(path, treeName)
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err
	}
	if err := os.Mkdir(root, 0o700); err != nil {
		return nil, err
	}
	dir, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	if err := dir.Chmod(os.FileMode(defaultAttr.Mode)); err != nil { // whatever the umask is
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

// apply reads a layer into a directory.
func (u *Unpacker) apply(ctx context.Context, s *slot, dir *os.File, format layer.Format, open opener) (_ *layer.Info, err error) {
	r, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	desc := s.layer.Descriptor()
	progress := func(n int64) {
		if u.o.Progress != nil {
			u.o.Progress(image.Progress{Phase: image.PhaseUnpack, Digest: desc.Digest, Bytes: n, Total: desc.Size})
		}
	}
	progress(0)
	info, err := layer.Apply(ctx, dir, &closing{u, r}, layer.Options{
		Layer: desc, DiffID: s.diffID, Image: u.name, Format: format, Rootless: u.form.rootless, Limits: u.o.Limits, Progress: progress,
	})
	if err == nil {
		progress(desc.Size)
	}
	return info, err
}

// closing is a reader that ends when the Unpacker is closed.
type closing struct {
	u *Unpacker
	r io.Reader
}

// Read reads on.
func (c *closing) Read(p []byte) (int, error) {
	c.u.mu.Lock()
	closed := c.u.closed
	c.u.mu.Unlock()
	if closed {
		return 0, errClosed
	}
	return c.r.Read(p)
}

// record describes a layer that is complete.
func (s *staged) record(dir *os.File) (*record, error) {
	r := &record{Kind: KindDir}
	var err error
	if s.info.Root {
		r.Root, err = readAttr(dir, s.form)
	}
	return r, err
}

// release makes the staged layer nobody else's business: who waits for its key
// goes on.
func (s *staged) release(ctx context.Context) error {
	if s == nil || s.own {
		return nil
	}
	mine, err := s.lease.Unpack(ctx, s.form.private(s.diffID))
	if err != nil {
		return err
	}
	if err := os.Rename(s.u.Path(), mine.Path()); err != nil {
		return errors.Join(err, mine.Close())
	}
	before := s.u
	s.u, s.own = mine, true
	return before.Close()
}

// commit makes the staged layer one of the store, and is its end. It does
// nothing when there is one with that key.
func (s *staged) commit(ctx context.Context, key store.LayerKey) error {
	u, err := s.lease.Unpack(ctx, key)
	if errors.Is(err, store.ErrExists) {
		return s.close()
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	err = s.step("move")
	if err == nil {
		err = os.Rename(s.u.Path(), u.Path())
	}
	if err == nil {
		err = s.step("commit settled")
	}
	if err == nil {
		_, err = u.Commit(ctx)
	}
	return errors.Join(err, u.Close(), s.close())
}
