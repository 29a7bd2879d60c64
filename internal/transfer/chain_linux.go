package transfer

import (
	"fmt"
	"os"

	"github.com/sandkit/sandkit/internal/sys"
)

const (
	// maxOpen is how many directories a chain keeps open, so that deep trees
	// need no more descriptors than others.
	maxOpen = 64
	// maxDepth is where a tree is taken for an attack.
	maxDepth = 16384
)

// A chain is the way from a directory, which is another's, down to the current
// one. Every step is one component that is no link. A directory further up may
// have been closed; the way back to it is "..", and must lead to the very same
// one.
type chain struct {
	all  []level
	open int // the lowest level above the first that is open
}

type level struct {
	f        *os.File
	dev, ino uint64
}

// begin starts a chain at a directory.
func begin(f *os.File) *chain { return &chain{all: []level{{f: f}}, open: 1} }

// fd is the current directory's.
func (c *chain) fd() int { return int(c.all[len(c.all)-1].f.Fd()) }

// dir is the current directory.
func (c *chain) dir() *os.File { return c.all[len(c.all)-1].f }

// push goes down into a directory, which the chain owns from then on.
func (c *chain) push(f *os.File) error {
	st, err := sys.Fstatat(int(f.Fd()), "")
	if err != nil || len(c.all) > maxDepth {
		f.Close()
		if err == nil {
			err = ErrTooDeep
		}
		return err
	}
	c.all = append(c.all, level{f, st.Device, st.Inode})
	if len(c.all)-c.open > maxOpen {
		c.all[c.open].f.Close()
		c.all[c.open].f = nil
		c.open++
	}
	return nil
}

// pop goes up again. Before it closes the current directory it calls last,
// when the one above is open: last may take the permission for ".." away.
func (c *chain) pop(last func(fd int) error) error {
	n := len(c.all) - 1
	err := c.reopen(n - 1)
	if err == nil && last != nil {
		err = last(c.fd())
	}
	c.all[n].f.Close()
	c.all = c.all[:n]
	return err
}

// reopen opens the directory above the current one, if it was closed.
func (c *chain) reopen(n int) error {
	up := &c.all[n]
	if up.f != nil {
		return nil
	}
	fd, err := sys.Openat(c.fd(), "..", sys.O_RDONLY|sys.O_DIRECTORY|sys.O_NOFOLLOW)
	if err != nil {
		return fmt.Errorf("go back: %w", err)
	}
	st, err := sys.Fstatat(fd.Int(), "")
	if err == nil && (st.Device != up.dev || st.Inode != up.ino) {
		err = ErrChanged
	}
	if err != nil {
		fd.Close()
		return fmt.Errorf("go back: %w", err)
	}
	up.f = fd.File("directory")
	c.open = n
	return nil
}

// close closes all that the chain has opened.
func (c *chain) close() {
	for _, l := range c.all[1:] {
		if l.f != nil {
			l.f.Close()
		}
	}
	c.all = c.all[:1]
}
