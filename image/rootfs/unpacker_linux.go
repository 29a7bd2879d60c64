package rootfs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// An Unpacker unpacks one image, also while its layers are being downloaded.
// Finish or Close ends it.
type Unpacker struct {
	lease *store.Lease
	store *store.Store
	name  string // of the image, for errors
	o     Options
	form  form
	slots []slot

	mu     sync.Mutex
	closed bool
	work   map[image.Digest]*work // by diffID
}

// slot is one layer of the image.
type slot struct {
	layer  image.Layer
	diffID image.Digest
	chain  image.Digest
	feed   bool // it may be unpacked while it is fed
}

// work is the state of a layer that was missing.
type work struct {
	busy   bool    // somebody is at it
	staged *staged // unpacked, but open
}

// errClosed is what Close makes of calls that are under way.
var errClosed = fmt.Errorf("unpack: %w", store.ErrReleased)

// Begin begins to unpack an image whose layers need not be there yet: they can
// be given to Feed as they come. The lease keeps what is unpacked. The caller
// calls Finish, and Close in any case.
func Begin(ctx context.Context, lease *store.Lease, img image.Image, o Options) (*Unpacker, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	f, err := chooseForm(ctx, lease, o.Backend)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	u := &Unpacker{
		lease: lease, store: lease.Store(), name: string(img.Descriptor().Digest), o: o, form: f,
		work: make(map[image.Digest]*work),
	}
	layers := img.Layers()
	diffIDs := make([]image.Digest, len(layers))
	for i, l := range layers {
		diffIDs[i] = l.DiffID()
	}
	for i, chain := range image.ChainIDs(diffIDs) {
		u.slots = append(u.slots, slot{layer: layers[i], diffID: diffIDs[i], chain: chain})
	}
	u.chooseFed()
	return u, nil
}

// smallLayer is what a layer may have, packed, to be unpacked whatever else is.
const smallLayer = 1 << 20

// chooseFed bounds the memory for layers that come at once: beside small ones,
// only as many are unpacked while they come as are otherwise, the largest.
func (u *Unpacker) chooseFed() {
	bySize := make([]*slot, 0, len(u.slots))
	for i := range u.slots {
		bySize = append(bySize, &u.slots[i])
	}
	slices.SortStableFunc(bySize, func(a, b *slot) int { return cmp.Compare(b.layer.Descriptor().Size, a.layer.Descriptor().Size) })
	for i, s := range bySize {
		s.feed = i < max(2, u.o.concurrency()) || s.layer.Descriptor().Size < smallLayer
	}
}

// Unpack unpacks an image of the store; layers that are not in the store are
// read from wherever the image comes from. A layer that is unpacked already
// costs a look. The lease keeps what the result names. After an error, what was
// unpacked stays for the next attempt; nothing partial is ever used.
//
// Errors about a layer are an [*image.Error] as those of layer.Apply.
func Unpack(ctx context.Context, lease *store.Lease, img image.Image, o Options) (*Stack, error) {
	u, err := Begin(ctx, lease, img, o)
	if err != nil {
		return nil, err
	}
	stack, err := u.Finish(ctx)
	if err := errors.Join(err, u.Close()); err != nil {
		return nil, err
	}
	return stack, nil
}

// Feed unpacks a layer of the image from its packed bytes, whose digests are
// checked. It returns without reading where that is not needed: when the layer
// is unpacked already, or being unpacked by somebody else, when the layers below
// have to be known first, or when there are larger ones to be unpacked. So nil does not mean that r was read to its
// end. What Feed has not unpacked, after an error too, Finish reads from the
// store. It is safe for concurrent use.
func (u *Unpacker) Feed(ctx context.Context, l image.Layer, r io.Reader) error {
	for i := range u.slots {
		if u.slots[i].diffID == l.DiffID() && !u.slots[i].feed {
			return nil
		}
		if u.slots[i].diffID == l.DiffID() {
			return u.stage(ctx, &u.slots[i], once(r))
		}
	}
	return u.wrap(l, fmt.Errorf("no layer of the image: %w", image.ErrNotFound))
}

// claim makes a layer this goroutine's, unless somebody is at it or has been.
func (u *Unpacker) claim(diffID image.Digest) (mine bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false, errClosed
	}
	w := u.work[diffID]
	if w == nil {
		w = new(work)
		u.work[diffID] = w
	}
	if w.busy || w.staged != nil {
		return false, nil
	}
	w.busy = true
	return true, nil
}

// put ends a claim. What was staged is the Unpacker's from then on.
func (u *Unpacker) put(diffID image.Digest, st *staged) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	w := u.work[diffID]
	w.busy = false
	if u.closed {
		return errors.Join(errClosed, st.close())
	}
	w.staged = st
	return nil
}

// take takes over what was staged; nil when nothing was.
func (u *Unpacker) take(diffID image.Digest) *staged {
	u.mu.Lock()
	defer u.mu.Unlock()
	w := u.work[diffID]
	if w == nil {
		return nil
	}
	st := w.staged
	w.staged = nil
	return st
}

// Close gives up what is not finished, and frees what the Unpacker holds. What
// Finish has given stays. Calls of Feed that are under way end with an error,
// after their next read. Closing again does nothing; it is safe on nil.
func (u *Unpacker) Close() error {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	var errs []error
	for _, w := range u.work {
		errs = append(errs, w.staged.close())
		w.staged = nil
	}
	return errors.Join(errs...)
}

// opener opens a layer's packed bytes: the store's, or else the image's.
func (u *Unpacker) opener(s *slot) opener {
	return func(ctx context.Context) (io.ReadCloser, error) {
		r, err := u.store.Open(ctx, s.layer.Descriptor())
		if errors.Is(err, image.ErrNotFound) {
			r, err = s.layer.Open(ctx)
		}
		return r, err
	}
}

// wrap names image and layer, where that was not done further down.
func (u *Unpacker) wrap(l image.Layer, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*image.Error](err); ok || errors.Is(err, errClosed) {
		return err
	}
	return &image.Error{Op: "unpack", Image: u.name, Layer: l.Descriptor().Digest, Err: err}
}
