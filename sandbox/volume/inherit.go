package volume

import (
	"fmt"
	"os"
)

// Detach gives the reference up for this program, but not for others: it goes on
// for as long as any process has the file, which the caller passes to another
// process and closes. That one calls [Store.Inherit].
func (r *Ref) Detach() (*os.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.file
	if r.file = nil; f == nil {
		return nil, fmt.Errorf("detach volume %s: %w", r.volume.Name, ErrReleased)
	}
	return f, nil
}

// Share gives another descriptor of the reference, which lasts until the last of
// them is closed: who passes it to another process calls Detach when that has got
// it. The caller closes it.
func (r *Ref) Share() (*os.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil, fmt.Errorf("share volume %s: %w", r.volume.Name, ErrReleased)
	}
	return duplicate(r.file)
}

// Inherit makes a reference of a file that [Ref.Detach] gave to this or another
// process; o is what was given to Use, with the name of the volume. It owns the
// file from then on. The error matches [ErrInvalid] when the file is none of that
// volume and user.
func (s *Store) Inherit(o UseOptions, f *os.File) (*Ref, error) {
	v, err := s.read(o.Name)
	if err == nil {
		err = checkName("user", o.User)
	}
	if err == nil {
		err = s.isRef(refPath(o.Name, o.User), f)
	}
	if err != nil {
		return nil, fmt.Errorf("inherit volume: %w", err)
	}
	return &Ref{store: s, volume: v, user: o.User, keep: o.Keep, file: f}, nil
}

// isRef makes sure that a file is the one at a path, and holds its lock.
func (s *Store) isRef(path string, f *os.File) error {
	there, err := s.files.root.Lstat(path)
	if err != nil {
		return err
	}
	is, err := f.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(there, is) {
		return &InvalidError{"file", f.Name(), "it is not the reference's"}
	}
	ok, err := tryLock(f, heldByte)
	if err == nil && !ok {
		err = &InvalidError{"file", f.Name(), "another one holds the reference"}
	}
	return err
}
