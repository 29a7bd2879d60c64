package rootfs

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
)

// settle makes a staged layer the i-th one's tree in the store.
func (b *builder) settle(ctx context.Context, i int, st *staged) error {
	s := &b.slots[i]
	changed, err := b.settleOver(st)
	switch {
	case errors.Is(err, layer.ErrConflict):
		if err := st.close(); err != nil {
			return err
		}
		return b.flatten(ctx, i)
	case err != nil:
		return errors.Join(err, st.close())
	case changed:
		return st.commit(ctx, b.form.chain(s.chain))
	}
	if err := b.o.step("settled"); err != nil {
		return errors.Join(err, st.close())
	}
	if err := writeJSON(filepath.Join(st.u.Path(), infoName), st.info); err != nil {
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

// settleOver settles a staged layer over those that are there, and describes it.
func (b *builder) settleOver(st *staged) (changed bool, err error) {
	lowers, err := b.lowers()
	if err != nil {
		return false, err
	}
	dir, err := os.Open(filepath.Join(st.u.Path(), treeName))
	if err != nil {
		return false, err
	}
	defer dir.Close()
	if changed, err = layer.Settle(dir, lowers, st.info, b.form.format); err != nil {
		return false, err
	}
	r, err := st.record(dir)
	if err == nil {
		err = writeJSON(filepath.Join(st.u.Path(), recordName), r)
	}
	return changed, err
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
	defer func() { err = errors.Join(err, u.Close()) }()
	dir, err := makeTree(u.Path())
	if err != nil {
		return err
	}
	defer dir.Close()
	r := &record{Kind: KindDir, Flat: true}
	described := false
	for j := range b.slots[:i+1] {
		s := &b.slots[j]
		if err := b.o.step("flatten"); err != nil {
			return err
		}
		info, err := b.apply(ctx, s, dir, layer.Flat, func(ctx context.Context) (io.ReadCloser, error) { return b.Unpacker.open(ctx, s.layer) })
		if err != nil {
			return b.wrap(s.layer, err)
		}
		described = described || info.Root
	}
	if described {
		if r.Root, err = readAttr(dir, b.form); err != nil {
			return err
		}
	}
	if err := writeJSON(filepath.Join(u.Path(), recordName), r); err != nil {
		return err
	}
	_, err = u.Commit(ctx)
	return err
}
