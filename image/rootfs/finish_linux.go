package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
)

// Finish unpacks the layers that Feed has not, settles them from the lowest to
// the uppermost one, and gives the result, which the lease keeps. Feed and
// Finish must not be called afterwards; the caller calls Close.
func (u *Unpacker) Finish(ctx context.Context) (*Stack, error) {
	if err := u.stageAll(ctx); err != nil {
		return nil, err
	}
	b := &builder{Unpacker: u}
	defer b.close()
	for i := range u.slots {
		if err := b.add(ctx, i); err != nil {
			return nil, u.wrap(u.slots[i].layer, err)
		}
	}
	return b.stack(), nil
}

// stageAll unpacks what is missing and nobody is at. It does not wait for
// others, and ends with the first error.
func (u *Unpacker) stageAll(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	tokens := make(chan struct{}, u.o.concurrency())
	for i := range u.slots {
		s := &u.slots[i]
		if known, err := u.known(s); known || err != nil {
			if err != nil {
				cancel(u.wrap(s.layer, err))
			}
			continue
		}
		select {
		case tokens <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		workers.Go(func() {
			defer func() { <-tokens }()
			if err := u.stage(ctx, s, u.opener(s)); err != nil {
				cancel(err)
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// builder makes a stack, from the lowest layer up.
type builder struct {
	*Unpacker
	trees []*tree // that make up the root so far
}

// close closes the files of the layers that were looked into.
func (b *builder) close() {
	for _, t := range b.trees {
		t.close()
	}
}

// attempts bounds how often a layer is looked for that somebody else has
// unpacked, or is about to: they may fail, or be collected.
const attempts = 100

// add adds the i-th layer.
func (b *builder) add(ctx context.Context, i int) error {
	s := &b.slots[i]
	for range attempts {
		t, err := b.find(ctx, s)
		if err != nil {
			return err
		}
		if t != nil {
			b.push(t)
			return nil
		}
		st := b.take(s.diffID)
		if st == nil {
			if st, err = b.await(ctx, s); err != nil {
				return err
			}
		}
		if st == nil {
			continue
		}
		if err := b.settle(ctx, i, st); err != nil {
			return err
		}
	}
	return fmt.Errorf("layer is not there after it was unpacked %d times: %w", attempts, image.ErrNotFound)
}

// push puts a tree on top of the others.
func (b *builder) push(t *tree) {
	if t.Flat {
		b.close()
		b.trees = nil
	}
	b.trees = append(b.trees, t)
}

// find looks for a layer's tree in the store, and lets the lease keep it. It is
// nil when there is none that fits.
func (b *builder) find(ctx context.Context, s *slot) (*tree, error) {
	if t, err := b.keep(ctx, b.form.free(s.diffID), s.diffID); t != nil || err != nil {
		return t, err
	}
	chain, err := b.keep(ctx, b.form.chain(s.chain), s.diffID)
	if chain != nil && !chain.Fits || err != nil {
		return chain, err
	}
	t, err := b.keep(ctx, b.form.open(s.diffID), s.diffID)
	if t == nil || err != nil || chain != nil {
		return t, err
	}
	return b.fitting(ctx, s, t)
}

// keep gives the tree with a key; nil when there is none.
func (b *builder) keep(ctx context.Context, key store.LayerKey, diffID image.Digest) (*tree, error) {
	path, err := b.store.Layer(key)
	if err == nil {
		err = b.lease.KeepLayer(ctx, key)
	}
	if errors.Is(err, image.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return readTree(path, diffID)
}

// fitting gives the open tree of a layer if it is right over the layers below,
// and notes that.
func (b *builder) fitting(ctx context.Context, s *slot, t *tree) (*tree, error) {
	var info layer.Info
	if err := readJSON(filepath.Join(t.dir, infoName), &info); err != nil {
		return nil, err
	}
	lowers, err := b.lowers()
	if err != nil {
		return nil, err
	}
	dir, err := t.open()
	if err != nil {
		return nil, err
	}
	fits, err := layer.Fits(dir, lowers, &info, b.form.format)
	if err == nil && fits {
		err = b.noteFits(ctx, s)
	}
	if err != nil || !fits {
		t.close()
		return nil, err
	}
	return t, nil
}

// noteFits notes that the open tree fits a chain.
func (b *builder) noteFits(ctx context.Context, s *slot) error {
	u, err := b.lease.Unpack(ctx, b.form.chain(s.chain))
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	err = os.Mkdir(u.Path(), 0o700)
	if err == nil {
		err = writeJSON(filepath.Join(u.Path(), recordName), &record{Fits: true})
	}
	if err == nil {
		err = b.o.step("commit note")
	}
	if err == nil {
		_, err = u.Commit(ctx)
	}
	return errors.Join(err, u.Close())
}

// lowers are the roots of the layers so far.
func (b *builder) lowers() ([]*os.File, error) {
	var all []*os.File
	for _, t := range b.trees {
		f, err := t.open()
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// open opens the root directory, or the image.
func (t *tree) open() (*os.File, error) {
	if t.file == nil {
		f, err := os.Open(t.path())
		if err != nil {
			return nil, fmt.Errorf("open unpacked layer: %w", err)
		}
		t.file = f
	}
	return t.file, nil
}

// close closes the root directory, if it is open. It is safe on nil.
func (t *tree) close() {
	if t != nil && t.file != nil {
		t.file.Close()
		t.file = nil
	}
}

// await waits until nobody else unpacks a layer, and does it if they have not.
// It is nil when they have.
func (b *builder) await(ctx context.Context, s *slot) (*staged, error) {
	// Somebody could wait for what we hold, who holds what we wait for.
	if err := b.releaseAll(ctx); err != nil {
		return nil, err
	}
	un, err := b.lease.Unpack(ctx, b.form.free(s.diffID))
	if errors.Is(err, store.ErrExists) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if t, err := b.find(ctx, s); t != nil || err != nil {
		t.close()
		return nil, errors.Join(err, un.Close())
	}
	return b.unpack(ctx, s, un, b.opener(s))
}

// releaseAll lets go of what others could wait for.
func (u *Unpacker) releaseAll(ctx context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, w := range u.work {
		if err := w.staged.release(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stack is the result.
func (b *builder) stack() *Stack {
	s := &Stack{Root: defaultAttr, Format: b.form.format}
	described := false
	seen := make(map[string]bool)
	for _, t := range slices.Backward(b.trees) {
		if t.Root != nil && !described {
			s.Root, described = *t.Root, true
		}
		// The upper one of two equal layers hides all of the lower one, and
		// overlayfs does not take the same directory twice.
		if path := t.path(); !seen[path] {
			seen[path] = true
			s.Layers = append(s.Layers, Layer{Path: path, Kind: t.Kind, Digest: t.diffID})
		}
	}
	slices.Reverse(s.Layers)
	return s
}
