package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sandkit/sandkit/internal/gate"
)

// A Store is a directory of records. All methods are safe for concurrent use,
// also by other processes.
type Store struct {
	dir     string
	boot    string // the boot id of this machine
	files   files
	records *os.Root // the directory of that name: a record is one look-up away
	volumes volumes
}

// An Option changes how a store is used.
type Option func(*Store)

// NoSync leaves it to the kernel when records reach the disk, which is faster.
// Killed processes still do no harm, but after a power cut the latest records
// may be missing or damaged; damaged ones are reported as such.
func NoSync() Option { return func(s *Store) { s.files.noSync = true } }

// DefaultDir is where records are without further ado: /var/lib/sandkit/state
// for root, otherwise sandkit/state in $XDG_DATA_HOME, or in ~/.local/share
// where that is not set.
func DefaultDir() (string, error) { return gate.DataDir("state") }

// Open opens the store in a directory, which is made, with mode 0700, if need
// be; an empty name means [DefaultDir]. A directory must be the user's own, and
// writable by nobody else (fs.ErrPermission), and either empty or a store
// ([ErrNotStore]). A store of another version is a *[VersionError]. The caller
// closes it. Elsewhere than on Linux the error matches errors.ErrUnsupported.
func Open(dir string, opts ...Option) (*Store, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	var err error
	if dir == "" {
		dir, err = DefaultDir()
	}
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{dir: dir}
	for _, o := range opts {
		o(s)
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", dir, err), s.Close())
	}
	return s, nil
}

func (s *Store) open() error {
	var err error
	if s.boot, err = bootID(); err != nil {
		return err
	}
	if err := s.makeDir(); err != nil {
		return err
	}
	if s.files.root, err = os.OpenRoot(s.dir); err != nil {
		return err
	}
	if err := s.checkVersion(); err != nil {
		return err
	}
	if err := s.fill(); err != nil {
		return err
	}
	s.records, err = s.files.root.OpenRoot(recordsDir)
	return err
}

// Close gives the store's descriptors back. Entries are closed before; closing
// again does nothing, and it is safe on nil.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	err := s.volumes.close()
	for _, r := range []*os.Root{s.records, s.files.root} {
		if r != nil {
			err = errors.Join(err, r.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// Dir is the store's directory, as an absolute path.
func (s *Store) Dir() string { return s.dir }

// String names the store by its directory.
func (s *Store) String() string { return "sandbox records " + s.dir }
