package state

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/sandkit/sandkit/internal/gate"
)

// formatVersion is raised when an older version of this package could do harm
// to what a newer one has written.
const formatVersion = "1"

// The names in a store's directory.
const (
	versionFile  = "version" // one line that names the format; it is written first
	lockFile     = "lock"
	recordsDir   = "records"
	namesDir     = "names"
	sandboxesDir = "sandboxes"
	trashDir     = "trash"
	tempPrefix   = ".tmp-"
)

// The names in the directory of one sandbox.
const (
	ownerFile = "lock" // its first byte is locked by the owner
	specFile  = "spec.json"
	newFile   = "record.new" // what will be renamed into records
	dataDir   = "data"
)

func recordPath(id string) string       { return path.Join(recordsDir, id) }
func namePath(name string) string       { return path.Join(namesDir, name) }
func boxPath(id, file string) string    { return path.Join(sandboxesDir, id, file) }
func trashPath(name string) string      { return path.Join(trashDir, name) }
func noEntry(err error) bool            { return errors.Is(err, os.ErrNotExist) }
func already(err error) bool            { return errors.Is(err, os.ErrExist) }
func isTemp(name string) bool           { return strings.HasPrefix(name, tempPrefix) }
func firstLine(b []byte) string         { s, _, _ := strings.Cut(string(b), "\n"); return s }
func clip(s string, longest int) string { return s[:min(len(s), longest)] }

// makeDir makes the directory and its parents, all for this user alone.
func (s *Store) makeDir() error {
	err := gate.MakeDir(s.dir, func() error { return s.files.check("mkdir", s.dir) })
	if errors.Is(err, gate.ErrNoDir) {
		return fmt.Errorf("%w: %w", err, ErrNotStore)
	}
	return err
}

// checkVersion reads the version, or writes it into an empty directory.
func (s *Store) checkVersion() error {
	b, err := s.files.read(versionFile, 1<<10)
	if noEntry(err) {
		return s.begin()
	}
	if err != nil {
		return err
	}
	if got := firstLine(b); got != formatVersion {
		return &VersionError{Dir: s.dir, Got: clip(got, 40)}
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
		} else if !isTemp(name) {
			return fmt.Errorf("%s is in it: %w", name, ErrNotStore)
		}
	}
	return s.files.writeOnce(versionFile, []byte(formatVersion+"\n"))
}

// fill makes what is missing.
func (s *Store) fill() error {
	for _, dir := range []string{recordsDir, namesDir, sandboxesDir, trashDir} {
		if err := s.files.mkdir(dir); err != nil && !already(err) {
			return err
		}
	}
	lock, err := s.files.openOrCreate(lockFile)
	if err != nil {
		return err
	}
	return lock.Close()
}
