package fs

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/sandkit/sandkit/internal/undo"
)

// Volume shows a directory that outlives the sandbox, under a name, for reading
// and writing. It is made when it is not there. The sandbox says where volumes
// are kept, and that is Source once the sandbox has started; it is empty before.
// Owners are those inside: what belongs to user 0 there does so in every sandbox.
// A volume that is empty gets, at its first use, what the root has at target, with
// the owner and mode of that directory; see NoCopy.
func Volume(name, target string) Mount {
	return Mount{Type: TypeVolume, Name: name, Target: target}
}

// Anonymous is a [Volume] without a name, which is new and goes with the last
// sandbox that uses it.
func Anonymous(target string) Mount { return Volume("", target) }

// volumeString shows a volume.
func (m Mount) volumeString() string {
	s := "volume " + m.Name
	if m.Name == "" {
		s = "anonymous volume"
	}
	if m.Subpath != "" {
		s += " (" + m.Subpath + ")"
	}
	s += " on " + m.Target
	if m.NoCopy {
		s += ", no copy"
	}
	return s
}

// validateVolume reports what is wrong with the fields that only volumes have.
func (m Mount) validateVolume() error {
	var errs undo.Errors
	if m.Type != TypeVolume {
		if m.Name != "" || m.NoCopy || m.Subpath != "" {
			errs.Add(fmt.Errorf("name %q, no copy, subpath %q: only a volume has them", m.Name, m.Subpath))
		}
		if m.CreateSource && m.Type != TypeBind {
			errs.Add(errors.New("create source: only a bind mount has one"))
		}
		return errs.Err()
	}
	if m.Name != "" {
		errs.Add(checkVolumeName(m.Name))
	}
	if m.CreateSource {
		errs.Add(errors.New("create source: only a bind mount has one"))
	}
	if m.Source != "" {
		errs.Add(checkSource(m.Source))
	}
	errs.Add(checkSubpath(m.Subpath))
	if m.Size != 0 || m.Mode != 0 || m.UID != 0 || m.GID != 0 || len(m.Content) > 0 {
		errs.Add(errors.New("size, mode, owner, content: a volume has its own"))
	}
	return errs.Err()
}

// checkVolumeName checks a name by Docker's rule.
func checkVolumeName(name string) error {
	for i, c := range []byte(name) {
		letter := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || strings.IndexByte("_.-", c) < 0) {
			return fmt.Errorf("volume name %.100q: want [a-zA-Z0-9][a-zA-Z0-9_.-]+; a directory of the host is an absolute path", name)
		}
	}
	if len(name) < 2 || len(name) > 255 {
		return fmt.Errorf("volume name %.100q: want 2 to 255 characters", name)
	}
	return nil
}

func checkSubpath(p string) error {
	switch {
	case p == "":
		return nil
	case strings.IndexByte(p, 0) >= 0:
		return fmt.Errorf("subpath %q contains a NUL byte", p)
	case path.IsAbs(p):
		return fmt.Errorf("subpath %q is absolute", p)
	case len(p) > 4095:
		return fmt.Errorf("subpath of %d bytes is longer than 4095", len(p))
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return fmt.Errorf("subpath %q contains \"..\"", p)
		}
	}
	return nil
}
