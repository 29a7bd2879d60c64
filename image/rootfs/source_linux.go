package rootfs

import (
	"fmt"
	"os"

	"github.com/sandkit/sandkit/internal/sys"
)

// Source gives what to mount for the layer: for a directory its path, for an
// EROFS image the source of a mount of type erofs with the option ro. That is the
// image where the kernel takes files, and otherwise a loop device, which exists
// until the source is closed and everything that was mounted from it is gone. The error matches
// kernel.ErrNotSupported when the kernel takes neither.
func (l Layer) Source() (*Source, error) {
	if l.Kind == KindDir {
		return &Source{Path: l.Path}, nil
	}
	f, err := os.Open(l.Path)
	if err != nil {
		return nil, fmt.Errorf("open unpacked layer: %w", err)
	}
	defer f.Close()
	a, err := accessTo(f)
	if err != nil {
		return nil, fmt.Errorf("mount unpacked layer: %w", err)
	}
	if a == accessFile {
		return &Source{Path: l.Path}, nil
	}
	device, path, err := sys.AttachLoop(f)
	if err != nil {
		return nil, fmt.Errorf("mount unpacked layer: %w", err)
	}
	return &Source{Path: path, device: device}, nil
}

// openRoot opens the layer's root directory; an EROFS image is mounted,
// detached.
func (l Layer) openRoot() (*sys.FD, error) {
	if l.Kind == KindDir {
		fd, err := sys.Openat(sys.AT_FDCWD, l.Path, sys.O_PATH|sys.O_DIRECTORY|sys.O_NOFOLLOW)
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: l.Path, Err: err}
		}
		return fd, nil
	}
	f, err := os.Open(l.Path)
	if err != nil {
		return nil, fmt.Errorf("open unpacked layer: %w", err)
	}
	defer f.Close()
	a, err := accessTo(f)
	if err != nil {
		return nil, fmt.Errorf("mount unpacked layer: %w", err)
	}
	return a.mount(f)
}

// attach gives the layer a short name in the working directory.
func (l Layer) attach(name string) error {
	if l.Kind == KindDir {
		return os.Symlink(l.Path, name)
	}
	fd, err := l.openRoot()
	if err != nil {
		return err
	}
	defer fd.Close()
	if err := os.Mkdir(name, 0o700); err != nil {
		return err
	}
	return sys.AttachMount(fd.Int(), name)
}
