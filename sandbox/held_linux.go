package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/internal/sys"
)

// held are the files of a sandbox, which stay as long as somebody may ask for
// them: until Close, also when no process is left. The zero value is a sandbox
// that never started, or was closed.
type held struct {
	// root is the root directory; while the sandbox runs, with what is mounted
	// in it.
	root *os.File
	// changes is the upper directory of a root that is copied on write; else nil.
	changes *os.File
	// owners are those of the files.
	owners owners
	// image is the image that the root was made of; nil for none.
	image *rooted
	// given are files of the root that were made for the sandbox.
	given []layer.Path
	// mounts are those of the users', with the places of volumes; volumes holds
	// these.
	mounts  []fs.Mount
	volumes *heldVolumes
}

// hold takes what the Program kept for the host program.
func (b *builder) hold(files []*os.File) held {
	h := held{image: b.image, mounts: b.tree.Mounts, volumes: b.volumes}
	if len(files) == 0 {
		return h
	}
	h.root, h.owners = files[0], b.owners()
	if len(files) > 1 {
		h.changes = files[1]
	}
	for _, m := range b.tree.Mounts {
		if m.Type == fs.TypeFile {
			h.given = append(h.given, layer.Path(strings.TrimPrefix(m.Target, "/")))
		}
	}
	return h
}

// letGo closes what is held.
func (s *Sandbox) letGo() error {
	s.mu.Lock()
	h := s.held
	s.held = held{}
	s.mu.Unlock()
	err := h.close()
	if h.image != nil {
		err = errors.Join(err, h.image.release())
	}
	if h.volumes != nil {
		err = errors.Join(err, h.volumes.end())
	}
	return err
}

// close closes the files, and leaves image and volumes.
func (h held) close() error {
	var errs []error
	for _, f := range []*os.File{h.root, h.changes} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// borrow gives the held files as copies, which the caller gives back: the sandbox
// may be closed at any time.
func (s *Sandbox) borrow() (held, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held
	if h.root == nil {
		if s.closing {
			return held{}, ErrClosed
		}
		return held{}, ErrNotRunning
	}
	var err error
	if h.root, err = duplicate(h.root); err != nil {
		return held{}, err
	}
	if h.changes != nil {
		if h.changes, err = duplicate(h.changes); err != nil {
			return held{}, errors.Join(err, h.root.Close())
		}
	}
	if h.image != nil {
		h.image.use()
	}
	return h, nil
}

// giveBack closes what was borrowed.
func (h held) giveBack() {
	h.root.Close()
	if h.changes != nil {
		h.changes.Close()
	}
	if h.image != nil {
		_ = h.image.release() // the lease ends at the latest with the program
	}
}

func duplicate(f *os.File) (*os.File, error) {
	fd, err := sys.Duplicate(f)
	if err != nil {
		return nil, fmt.Errorf("duplicate descriptor: %w", err)
	}
	return fd.File(f.Name()), nil
}
