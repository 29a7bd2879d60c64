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
	file   *os.File      // the tree's root, or the image
	image  *layer.Staged // nil for a tree
	step   func(name string) error
}

// close gives it up. It is safe on nil.
func (s *staged) close() error {
	if s == nil {
		return nil
	}
	s.file.Close() // there is nothing in it that is still wanted
	return s.u.Close()
}

// opener gives a layer's packed bytes.
type opener func(ctx context.Context) (io.ReadCloser, error)

// errOnce is the error of openers that can be called only once.
var errOnce = errors.New("cannot be read again")

// once is an opener of what can be read once.
func once(r io.Reader) opener {
	return func(context.Context) (io.ReadCloser, error) {
		if r == nil {
			return nil, errOnce
		}
		c := io.NopCloser(r)
		r = nil
		return c, nil
	}
}

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
	st, err := u.unpack(ctx, s, un, open)
	if errors.Is(err, errOnce) {
		return nil, nil
	}
	return st, err
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
func (u *Unpacker) unpack(ctx context.Context, s *slot, un *store.Unpacking, open opener) (*staged, error) {
	st := &staged{lease: u.lease, form: u.form, diffID: s.diffID, u: un, step: u.o.step}
	err := u.o.step("unpack")
	if err == nil && u.form.erofs {
		err = u.toImage(ctx, s, st, open)
	}
	if err == nil && st.image == nil {
		err = u.toTree(ctx, s, st, u.form.format, open)
	}
	if err == nil {
		err = u.o.step("unpacked")
	}
	if err != nil {
		return nil, errors.Join(err, st.close())
	}
	if st.info.NeedsLower() {
		return st, nil
	}
	if err = st.complete(); err == nil {
		err = u.o.step("commit")
	}
	if err == nil {
		_, err = un.Commit(ctx)
	}
	return nil, errors.Join(err, st.close())
}

// toImage unpacks a layer to an EROFS image. It leaves one that has no room in
// an image to toTree.
func (u *Unpacker) toImage(ctx context.Context, s *slot, st *staged, open opener) error {
	f, err := makeImage(st.u.Path())
	if err != nil {
		return err
	}
	st.file = f
	err = u.read(ctx, s, layer.OverlayTrusted, open, func(r io.Reader, o layer.Options) error {
		st.image, err = layer.Stage(ctx, f, r, o)
		return err
	})
	if errors.Is(err, layer.ErrNeedsDirectory) {
		st.image = nil
		return st.clear()
	}
	if err == nil {
		st.info = st.image.Info()
	}
	return err
}

// toTree unpacks a layer to a directory.
func (u *Unpacker) toTree(ctx context.Context, s *slot, st *staged, format layer.Format, open opener) error {
	dir, err := makeTree(st.u.Path())
	if err != nil {
		return err
	}
	st.file = dir
	return u.read(ctx, s, format, open, func(r io.Reader, o layer.Options) error {
		st.info, err = layer.Apply(ctx, dir, r, o)
		return err
	})
}

// clear removes what was unpacked so far.
func (s *staged) clear() error {
	return errors.Join(s.file.Close(), os.RemoveAll(s.u.Path()))
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

// read opens a layer and lets f read it.
func (u *Unpacker) read(ctx context.Context, s *slot, format layer.Format, open opener, f func(r io.Reader, o layer.Options) error) error {
	r, err := open(ctx)
	if err != nil {
		return err
	}
	desc := s.layer.Descriptor()
	progress := func(n int64) {
		if u.o.Progress != nil {
			u.o.Progress(image.Progress{Phase: image.PhaseUnpack, Digest: desc.Digest, Bytes: n, Total: desc.Size})
		}
	}
	progress(0)
	err = f(&closing{u, r}, layer.Options{
		Layer: desc, DiffID: s.diffID, Image: u.name, Format: format, Rootless: u.form.rootless, Limits: u.o.Limits, Progress: progress,
	})
	if err == nil {
		progress(desc.Size)
	}
	return errors.Join(err, r.Close())
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

// complete finishes an image, and describes the layer.
func (s *staged) complete() (err error) {
	r := record{Kind: KindDir}
	if s.image != nil {
		r.Kind = KindEROFS
		if err := s.image.Finish(); err != nil {
			return err
		}
	}
	switch {
	case !s.info.Root:
	case s.image != nil:
		r.Root, err = imageAttr(s.file)
	default:
		r.Root, err = readAttr(s.file, s.form)
	}
	if err != nil {
		return err
	}
	return writeJSON(filepath.Join(s.u.Path(), recordName), &r)
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
