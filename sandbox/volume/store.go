package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandkit/sandkit/internal/gate"
)

// A Store is a directory of volumes. All methods are safe for concurrent use,
// also by other processes.
type Store struct {
	dir   string
	files files
}

// An Option changes how a store is used.
type Option func(*Store)

// NoSync leaves it to the kernel when volumes reach the disk, which is faster.
// Killed processes still do no harm, but after a power cut the latest volumes may
// be missing, or incomplete.
func NoSync() Option { return func(s *Store) { s.files.noSync = true } }

// DefaultDir is where volumes are without further ado: /var/lib/sandkit/volumes
// for root, otherwise sandkit/volumes in $XDG_DATA_HOME, or in ~/.local/share
// where that is not set.
func DefaultDir() (string, error) { return gate.DataDir("volumes") }

// Open opens the store in a directory, which is made, with mode 0700, if need
// be; an empty name means [DefaultDir]. A directory must be the user's own, and
// writable by nobody else (fs.ErrPermission), and either empty or a store
// ([ErrNotStore]). The error matches [ErrVersion] when the store is of another
// version. The caller closes it. Elsewhere than on Linux the error matches
// errors.ErrUnsupported.
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
		return nil, fmt.Errorf("open volumes: %w", err)
	}
	s := &Store{dir: dir}
	for _, o := range opts {
		o(s)
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open volumes %s: %w", dir, err), s.Close())
	}
	return s, nil
}

func (s *Store) open() error {
	err := gate.MakeDir(s.dir, func() error { return s.files.check("mkdir", s.dir) })
	if errors.Is(err, gate.ErrNoDir) {
		return fmt.Errorf("%w: %w", err, ErrNotStore)
	}
	if err != nil {
		return err
	}
	if s.files.root, err = os.OpenRoot(s.dir); err != nil {
		return err
	}
	if err := s.checkVersion(); err != nil {
		return err
	}
	for _, dir := range []string{volumesDir, newDir, trashDir} {
		if err := s.files.mkdir(dir, 0o700); err != nil && !already(err) {
			return err
		}
	}
	lock, err := s.files.create(lockFile)
	if err != nil {
		return err
	}
	return lock.Close()
}

// checkVersion reads the version, or writes it into an empty directory.
func (s *Store) checkVersion() error {
	b, err := s.files.read(versionFile)
	if noEntry(err) {
		return s.begin()
	}
	if err != nil {
		return err
	}
	got, _, _ := strings.Cut(string(b), "\n")
	if got != formatVersion {
		return fmt.Errorf("version %q, this program knows %q: %w", got[:min(40, len(got))], formatVersion, ErrVersion)
	}
	return nil
}

// begin makes an empty directory a store. Several may do so at once.
func (s *Store) begin() error {
	names, err := s.files.list(".")
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == versionFile {
			break // somebody else was faster
		}
		if !strings.HasPrefix(name, tempPrefix) {
			return fmt.Errorf("%s is in it: %w", name, ErrNotStore)
		}
	}
	return s.files.writeOnce(versionFile, []byte(formatVersion+"\n"))
}

// Close gives the store's descriptors back. References are released before;
// closing again does nothing, and it is safe on nil.
func (s *Store) Close() error {
	if s == nil || s.files.root == nil {
		return nil
	}
	if err := s.files.root.Close(); err != nil {
		return fmt.Errorf("close volumes: %w", err)
	}
	return nil
}

// Dir is the store's directory, as an absolute path.
func (s *Store) Dir() string { return s.dir }

// String names the store by its directory.
func (s *Store) String() string { return "volumes " + s.dir }

// share lets f run while nobody removes anything.
func (s *Store) share(ctx context.Context, f func() error) error {
	return through(ctx, s.gate().Share, f)
}

// alone lets f run while nobody else makes, refers to or removes anything.
func (s *Store) alone(ctx context.Context, f func() error) error {
	return through(ctx, s.gate().Alone, f)
}

func (s *Store) gate() gate.Gate {
	return gate.Gate{Open: func() (*os.File, error) { return s.files.root.OpenFile(lockFile, os.O_RDWR|noFollow, 0) }}
}

func through(ctx context.Context, enter func(context.Context) (*gate.Pass, error), f func() error) error {
	pass, err := enter(ctx)
	if err != nil {
		return err
	}
	defer pass.Close()
	return f()
}
