package ns

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/vishvananda/netns"

	"github.com/sandkit/sandkit/internal/sys"
)

// Open opens the namespace that n joins and makes sure that it is one of that
// kind. The caller closes the file.
func (n Namespace) Open(kind Kind) (*os.File, error) {
	if n.Mode != Join {
		return nil, fmt.Errorf("BUG: open of a namespace that is %s", n)
	}
	f, err := n.open(kind)
	if err != nil {
		return nil, fmt.Errorf("open %s namespace, %s: %w", kind, n, err)
	}
	if err := sys.CheckNamespace(f, kind.CloneFlag()); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s namespace, %s: %w", kind, n, err), f.Close())
	}
	return f, nil
}

func (n Namespace) open(kind Kind) (*os.File, error) {
	if kind == Net && n.Path == "" {
		return n.openNet()
	}
	path := n.Path
	if n.PID != 0 {
		path = fmt.Sprintf("/proc/%d/ns/%s", n.PID, kind)
	}
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

// openNet leaves names and processes to package netns, which knows where
// "ip netns" and others keep them.
func (n Namespace) openNet() (*os.File, error) {
	get := func() (netns.NsHandle, error) { return netns.GetFromPid(n.PID) }
	if n.Name != "" {
		get = func() (netns.NsHandle, error) { return netns.GetFromName(n.Name) }
	}
	h, err := get()
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(h), "net namespace"), nil
}
