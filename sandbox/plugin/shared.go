package plugin

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/sandbox"
)

// Dir is where the plugin finds the directory of sockets.
const Dir = "/run/plugin"

// ownName is the directory in it that the plugin may write to.
const (
	ownName = "p"
	ownDir  = Dir + "/" + ownName
)

// maxAddress is how long the path of a socket can be (sun_path, without the NUL
// that ends it).
const maxAddress = 107

// longestName is the longest name that go-plugin gives to a socket: of
// os.CreateTemp with "plugin".
const longestName = "plugin4294967295"

// shared is a directory of sockets that the host program and the plugin see.
type shared struct {
	host string // its path on the host

	mu    sync.Mutex
	names map[string]string // the plugin's sockets, and what they are called here
	count int
	made  bool
	gone  bool // remove was called
}

// newShared checks the path. It changes nothing.
func newShared(dir string) (*shared, error) {
	if !filepath.IsAbs(dir) {
		return nil, invalid(fmt.Sprintf("directory of sockets: %q is not absolute", dir))
	}
	dir = filepath.Clean(dir)
	if n := len(dir) + 1 + len(longestName); n > maxAddress {
		return nil, invalid(fmt.Sprintf("directory of sockets: the path of a socket in %s would have %d bytes, "+
			"%d are possible; set UnixSocketConfig.TempDir to a shorter one", dir, n, maxAddress))
	}
	return &shared{host: dir, names: make(map[string]string)}, nil
}

// own is the plugin's own directory, on the host.
func (d *shared) own() string { return filepath.Join(d.host, ownName) }

// make makes the plugin's own directory, which whoever may use the other one may
// use as well.
func (d *shared) make() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		return fmt.Errorf("make directory of sockets: %w", sandbox.ErrClosed)
	}
	st, err := os.Stat(d.host)
	if err != nil {
		return fmt.Errorf("look at directory of sockets: %w", err)
	}
	if err := os.Mkdir(d.own(), 0o700); err != nil {
		return fmt.Errorf("make directory of sockets: %w", err)
	}
	d.made = true
	if err := errors.Join(takeGroup(d.own(), st), os.Chmod(d.own(), st.Mode().Perm())); err != nil {
		return fmt.Errorf("make directory of sockets: %w", err)
	}
	return nil
}

// remove removes what make and expose have made.
func (d *shared) remove() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = true
	if !d.made {
		return nil
	}
	var errs undo.Errors
	for _, link := range d.names {
		errs.Add(removed(link))
	}
	clear(d.names)
	errs.Add(removeTree(d.own()))
	d.made = false
	return errs.Err()
}

// removeTree removes a directory that nobody changes any more, also when it has
// some that forbid it.
func removeTree(dir string) error {
	err := os.RemoveAll(dir)
	if !errors.Is(err, iofs.ErrPermission) {
		return err
	}
	walk := filepath.WalkDir(dir, func(name string, entry iofs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			return os.Chmod(name, 0o700)
		}
		return err
	})
	return errors.Join(walk, os.RemoveAll(dir))
}

// expose gives a socket that the plugin made a name which the plugin cannot
// change, and makes sure that it is a socket. Whatever the plugin does to its own
// name meanwhile, the host program never follows a link of the plugin's making.
func (d *shared) expose(name string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.made {
		return "", errors.New("the plugin does not run")
	}
	d.forget()
	if link, ok := d.names[name]; ok {
		return link, nil
	}
	d.count++
	link := filepath.Join(d.host, fmt.Sprintf("s%d", d.count))
	if err := os.Link(filepath.Join(d.own(), name), link); err != nil {
		return "", err
	}
	st, err := os.Lstat(link)
	if err == nil && st.Mode().Type() != iofs.ModeSocket {
		err = fmt.Errorf("it is no socket: %v", st.Mode())
	}
	if err != nil {
		return "", errors.Join(err, removed(link))
	}
	d.names[name] = link
	return link, nil
}

// forget removes names of sockets that the plugin has removed or replaced.
func (d *shared) forget() {
	for name, link := range d.names {
		theirs, err := os.Lstat(filepath.Join(d.own(), name))
		ours, oerr := os.Lstat(link)
		if err == nil && oerr == nil && os.SameFile(theirs, ours) {
			continue
		}
		_ = removed(link) // remove tries again
		delete(d.names, name)
	}
}

// removed removes a file that may be gone already.
func removed(file string) error {
	if err := os.Remove(file); !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	return nil
}

// relative tells where below a directory a file is.
func relative(dir, file string) (string, bool) {
	rel, err := filepath.Rel(dir, file)
	return rel, err == nil && rel != "." && rel != ".." && !strings.HasPrefix(rel, "../")
}
