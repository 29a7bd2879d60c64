package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandkit/sandkit/internal/gate"
)

// formatVersion is raised when an older version of this package could do harm
// to what a newer one has written.
const formatVersion = "1"

// versionFile is one line that names the format; it is written first, so that a
// directory that has it is a store, however little else there is.
const versionFile = "version"

// subdirs are the directories of a store, parents first.
var subdirs = []string{"blobs", "blobs/sha256", "ingest", "layers", "unpack", "leases", "trash"}

// layoutFile and its content mark an OCI layout.
const (
	layoutFile    = "oci-layout"
	layoutContent = `{"imageLayoutVersion":"1.0.0"}`
	tableFile     = "index.json"
)

// prepare makes what is missing in a store's directory.
func (s *Store) prepare() error {
	if err := s.makeDir(); err != nil {
		return err
	}
	if err := s.checkVersion(); err != nil {
		return err
	}
	for _, name := range subdirs {
		if ok, err := exists(s.path(name)); err != nil {
			return err
		} else if ok {
			continue
		}
		if err := s.files.mkdir(s.path(name)); err != nil {
			return err
		}
	}
	lock, err := s.files.openOrCreate(s.path("lock"))
	if err != nil {
		return err
	}
	if err := lock.Close(); err != nil {
		return err
	}
	if err := s.writeOnce(layoutFile, layoutContent); err != nil {
		return err
	}
	return s.writeOnce(tableFile, emptyTable)
}

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
	b, err := os.ReadFile(s.path(versionFile))
	if errors.Is(err, os.ErrNotExist) {
		return s.begin()
	}
	if err != nil {
		return err
	}
	if got, _, _ := strings.Cut(string(b), "\n"); got != formatVersion {
		return &VersionError{Dir: s.dir, Got: got[:min(len(got), 40)]}
	}
	return nil
}

// begin makes an empty directory a store. Several may do so at once.
func (s *Store) begin() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name == versionFile {
			break // somebody else was faster
		} else if !strings.HasPrefix(name, tempPrefix) {
			return fmt.Errorf("%s is in it: %w", name, ErrNotStore)
		}
	}
	return s.writeOnce(versionFile, formatVersion+"\n")
}

// writeOnce writes a file unless it is there. What is there stays, because
// another process may have changed it already.
func (s *Store) writeOnce(name, content string) (err error) {
	path := s.path(name)
	if ok, err := exists(path); ok || err != nil {
		return err
	}
	temp := s.path(tempName())
	file, err := s.files.create(temp)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.files.remove(temp)) }()
	_, err = s.files.write(file, []byte(content))
	if err == nil {
		err = s.files.sync(file)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := s.files.check("link", path); err != nil {
		return err
	}
	if err := os.Link(temp, path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return s.files.syncDir(filepath.Dir(path))
}
