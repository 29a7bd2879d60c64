package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/erofs"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/sys"
)

// access is how the kernel gets at an EROFS image.
type access int

const (
	accessNone access = iota
	accessFile        // mounts the file (Linux 6.12, and a file system that does)
	accessLoop        // mounts a loop device of it
)

// found remembers what was found out about file systems, by their devices. It
// does not change while the kernel runs, unless somebody loads a module.
var found struct {
	sync.Mutex
	answers map[uint64]answer
}

type answer struct {
	access access
	err    error
}

// accessTo finds out how the kernel gets at an image, by mounting it. The error
// matches kernel.ErrNotSupported when there is no way.
func accessTo(img *os.File) (access, error) {
	st, err := sys.Fstatat(int(img.Fd()), "")
	if err != nil {
		return accessNone, os.NewSyscallError("stat", err)
	}
	found.Lock()
	defer found.Unlock()
	if a, ok := found.answers[st.Device]; ok {
		return a.access, a.err
	}
	a, err := tryAccess(img)
	if err != nil && !errors.Is(err, kernel.ErrNotSupported) {
		return accessNone, err
	}
	if found.answers == nil {
		found.answers = make(map[uint64]answer)
	}
	found.answers[st.Device] = answer{a, err}
	return a, err
}

// tryAccess mounts an image in one way after the other.
func tryAccess(img *os.File) (access, error) {
	var errs []error
	for _, a := range []access{accessFile, accessLoop} {
		fd, err := a.mount(img)
		if err == nil {
			return a, fd.Close()
		}
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	// What a lack of files or memory stops may work the next time.
	for _, busy := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EBUSY} {
		if errors.Is(err, busy) {
			return accessNone, err
		}
	}
	return accessNone, &kernel.NotSupportedError{
		Feature: "EROFS images", Since: "6.12", Hint: "load the modules erofs and loop, or take the directory back end", Err: err,
	}
}

// knownAccess tells whether a directory's file system has been asked about.
func knownAccess(dir string) (known bool, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer f.Close()
	st, err := sys.Fstatat(int(f.Fd()), "")
	if err != nil {
		return false, os.NewSyscallError("stat", err)
	}
	found.Lock()
	defer found.Unlock()
	a, known := found.answers[st.Device]
	return known, a.err
}

// mount mounts an image, detached.
func (a access) mount(img *os.File) (*sys.FD, error) {
	const attr = sys.MOUNT_ATTR_RDONLY
	readOnly := [2]string{"ro"} // the device is
	if a == accessFile {
		return sys.MountDetached("erofs", sys.FdPath(int(img.Fd())), attr, readOnly)
	}
	device, path, err := sys.AttachLoop(img)
	if err != nil {
		return nil, err
	}
	defer device.Close()
	return sys.MountDetached("erofs", path, attr, readOnly)
}

// probeErofs finds out whether images in a store can be mounted.
func probeErofs(ctx context.Context, lease *store.Lease) (err error) {
	if known, err := knownAccess(lease.Store().Dir()); known || err != nil {
		return err
	}
	u, err := lease.Unpack(ctx, formEROFS.private(image.Describe("", nil).Digest))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	f, err := newFile(u.Path())
	if err != nil {
		return err
	}
	defer f.Close()
	w := erofs.NewWriter(f, erofs.Options{})
	if err := w.Finish(w.Dir()); err != nil {
		return err
	}
	_, err = accessTo(f)
	return err
}

func newFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// makeImage makes an empty file for an image.
func makeImage(path string) (*os.File, error) {
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err
	}
	return newFile(filepath.Join(path, imageName))
}

// imageAttr looks at the root directory in an image.
func imageAttr(f *os.File) (*Attr, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	r, err := erofs.Open(f, size)
	if err != nil {
		return nil, err
	}
	info, err := r.Lstat(".")
	if err != nil {
		return nil, err
	}
	st, ok := info.Sys().(*erofs.Stat)
	if !ok {
		return nil, fmt.Errorf("BUG: %T describes a file of an image", info.Sys())
	}
	a := &Attr{Mode: st.Mode & 0o7777, UID: st.UID, GID: st.GID, ModTime: time.Unix(st.MtimeSec, int64(st.MtimeNsec)).UTC()}
	a.setXattrs(st.Xattrs)
	return a, nil
}
