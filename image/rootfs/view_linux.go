package rootfs

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"strconv"
	"sync"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/sys"
)

// A View shows an image's root, see [Mount]. Close ends it. All methods are safe for
// concurrent use.
type View struct {
	lease *store.Lease
	path  string

	mu       sync.Mutex
	root     *os.File // nil when closed
	attached bool
}

// Mount shows the root of an image without a sandbox, unpacked if need be:
// read-only or copy-on-write, without device files and set-user-ID programs. The
// name is one for [store.Store.Lookup]. Unless it is attached to a directory of
// the host, the view is in no mount table and is gone when the program is, even
// a killed one; the image is not collected meanwhile. It takes root and Linux
// 5.2; without these, the error matches kernel.ErrNotSupported.
func Mount(ctx context.Context, s *store.Store, name string, o MountOptions) (_ *View, err error) {
	if err := mountable(o); err != nil {
		return nil, err
	}
	lease, err := s.Lease(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lease.Release())
		}
	}()
	img, err := held(ctx, lease, name, o.Platform)
	if err != nil {
		return nil, err
	}
	stack, err := Unpack(ctx, lease, img, o.Unpack)
	if err != nil {
		return nil, err
	}
	fd, err := stack.mount(&o)
	if err != nil {
		return nil, err
	}
	v := &View{lease: lease, path: "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(fd.Int())}
	if o.Target != "" {
		if err := sys.AttachMount(fd.Int(), o.Target); err != nil {
			return nil, errors.Join(err, fd.Close())
		}
		v.attached = true
	}
	v.root = fd.File(v.path)
	return v, nil
}

// mountable makes sure that there can be a view.
func mountable(o MountOptions) error {
	if o.Size < 0 || o.Size > 0 && !o.Writable {
		return fmt.Errorf("size %d of a view, writable %v: %w", o.Size, o.Writable, image.ErrInvalid)
	}
	host, err := kernel.Detect()
	if err != nil {
		return err
	}
	if !host.Privileged {
		return &kernel.NotSupportedError{Feature: "view of an image", Hint: "only root may mount; an ordinary user can start a sandbox on the image"}
	}
	return errors.Join(host.Need(kernel.MountAPI, ""), host.Need(kernel.Overlay, ""))
}

// held finds an image and keeps it. It may be removed in between, and come back
// as another one.
func held(ctx context.Context, lease *store.Lease, name string, platform image.Platform) (image.Image, error) {
	s := lease.Store()
	for {
		img, err := s.Image(ctx, name, platform)
		if err != nil {
			return nil, err
		}
		err = lease.Keep(ctx, img.Descriptor())
		if err == nil {
			return img, nil
		}
		if !errors.Is(err, image.ErrNotFound) {
			return nil, err
		}
	}
}

// Path is the root directory's name for this program and those it starts, as
// long as the view is open: /proc/PID/fd/N. A link in the image that begins with
// "/" leads to the host's root there, unless the program changes its root to it;
// [View.FS] stays inside.
func (v *View) Path() string { return v.path }

// FS is the view as a file system for Go programs. Symbolic links are followed
// inside the root. It also is an [iofs.ReadLinkFS] and an [iofs.StatFS]. It
// ends with the view.
func (v *View) FS() iofs.FS { return viewFS{v} }

// Close ends the view, also the one at a directory of the host. Files in it that
// are open stay usable. Closing again does nothing; it is safe on nil.
func (v *View) Close() error {
	if v == nil {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.root == nil {
		return nil
	}
	var err error
	if v.attached {
		err = sys.Unmount(v.path)
	}
	err = errors.Join(err, v.root.Close(), v.lease.Release())
	v.root = nil
	if err != nil {
		return fmt.Errorf("close view of an image: %w", err)
	}
	return nil
}
