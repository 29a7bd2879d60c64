package rootfs

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
)

// settle makes a staged layer the i-th one's tree in the store.
func (b *builder) settle(ctx context.Context, i int, st *staged) error {
	s := &b.slots[i]
	changed, err := b.settleOver(st)
	if errors.Is(err, layer.ErrNeedsDirectory) {
		if err = b.toDirectory(ctx, s, st); err == nil {
			changed, err = b.settleOver(st)
		}
	}
	switch {
	case errors.Is(err, layer.ErrConflict):
		if err := st.close(); err != nil {
			return err
		}
		return b.flatten(ctx, i)
	case err != nil:
	case changed:
		return st.commit(ctx, b.form.chain(s.chain))
	default:
		err = b.o.step("settled")
	}
	if err == nil {
		err = writeJSON(filepath.Join(st.u.Path(), infoName), st.info)
	}
	if err != nil {
		return errors.Join(err, st.close())
	}
	if err := st.commit(ctx, b.form.open(s.diffID)); err != nil {
		return err
	}
	if err := b.o.step("note"); err != nil {
		return err
	}
	return b.noteFits(ctx, s)
}

// settleOver settles a staged layer over those that are there, and completes
// it.
func (b *builder) settleOver(st *staged) (changed bool, err error) {
	lowers, err := b.lowers()
	if err != nil {
		return false, err
	}
	if st.image != nil {
		changed, err = st.image.Settle(lowers)
	} else {
		changed, err = layer.Settle(st.file, lowers, st.info, b.form.format)
	}
	if err != nil {
		return false, err
	}
	return changed, st.complete()
}

// toDirectory unpacks a layer anew, for what it gets from below has no room in
// an image.
func (b *builder) toDirectory(ctx context.Context, s *slot, st *staged) error {
	if err := st.clear(); err != nil {
		return err
	}
	st.image = nil
	return b.toTree(ctx, s, st, b.form.format, b.opener(s))
}

// flatten unpacks a layer and all below it into one tree.
func (b *builder) flatten(ctx context.Context, i int) (err error) {
	if err := b.releaseAll(ctx); err != nil {
		return err
	}
	u, err := b.lease.Unpack(ctx, b.form.chain(b.slots[i].chain))
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	st := &staged{form: b.form, u: u}
	defer func() { err = errors.Join(err, st.close()) }()
	if st.file, err = makeTree(u.Path()); err != nil {
		return err
	}
	r := &record{Kind: KindDir, Flat: true}
	described := false
	for j := range b.slots[:i+1] {
		s := &b.slots[j]
		err := b.o.step("flatten")
		if err == nil {
			err = b.read(ctx, s, layer.Flat, b.opener(s), func(r io.Reader, o layer.Options) error {
				st.info, err = layer.Apply(ctx, st.file, r, o)
				return err
			})
		}
		if err != nil {
			return b.wrap(s.layer, err)
		}
		described = described || st.info.Root
	}
	if described {
		if r.Root, err = readAttr(st.file, b.form); err != nil {
			return err
		}
	}
	if err := writeJSON(filepath.Join(u.Path(), recordName), r); err != nil {
		return err
	}
	_, err = u.Commit(ctx)
	return err
}
