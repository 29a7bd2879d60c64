package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"time"
)

// A Volume is what is known of one from its creation on.
type Volume struct {
	Name string `json:"name"`
	// Anonymous tells that nobody gave it a name: it goes with its last user.
	Anonymous bool              `json:"anonymous,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Created   time.Time         `json:"created"`
	// SizeLimit bounds its content, in bytes; 0 is no limit.
	SizeLimit int64 `json:"sizeLimit,omitempty"`
	// Path is where the content is, an absolute path.
	Path string `json:"-"`
}

// String is the name.
func (v Volume) String() string { return v.Name }

// Details are what changes about a volume.
type Details struct {
	Volume
	Users []string // who uses it, sorted
	Bytes int64    // what its content takes on the disk
}

// check finds what makes no sense in a volume.
func (v *Volume) check() error {
	if err := CheckName(v.Name); err != nil {
		return err
	}
	for key := range v.Labels {
		if key == "" {
			return &InvalidError{"label", key, "it has no name"}
		}
	}
	if v.SizeLimit < 0 {
		return &InvalidError{"size limit", fmt.Sprint(v.SizeLimit), "it is negative"}
	}
	return nil
}

// read gives a volume.
func (s *Store) read(name string) (Volume, error) {
	if err := CheckName(name); err != nil {
		return Volume{}, err
	}
	path := volumePath(name, documentFile)
	b, err := s.files.read(path)
	if noEntry(err) {
		if _, dirErr := s.files.root.Lstat(volumePath(name, "")); noEntry(dirErr) {
			return Volume{}, &NotFoundError{name}
		}
	}
	var v Volume
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err == nil {
		err = v.check()
	}
	if err == nil && v.Name != name {
		err = &InvalidError{"volume name", v.Name, "it is another's"}
	}
	if err != nil {
		return Volume{}, &CorruptError{Path: path, Err: err}
	}
	v.Path = s.content(name)
	return v, nil
}

func (s *Store) content(name string) string {
	return filepath.Join(s.dir, volumesDir, name, contentDir)
}

// Get gives a volume. The error is a *[NotFoundError], an *[InvalidError] for
// what is no name, or a *[CorruptError].
func (s *Store) Get(name string) (Volume, error) {
	v, err := s.read(name)
	if err != nil {
		return Volume{}, fmt.Errorf("get volume: %w", err)
	}
	return v, nil
}

func (v Volume) clone() Volume {
	v.Labels = maps.Clone(v.Labels)
	return v
}

// isGone tells whether a volume is not there, or not there any more.
func isGone(err error) bool { return errors.Is(err, ErrNotFound) }
