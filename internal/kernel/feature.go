package kernel

import (
	"errors"
	"fmt"
	"strings"
)

// A Feature is something that the kernel or the host can or cannot do.
type Feature struct {
	Name  string `json:"name"`
	Since string `json:"since,omitempty"` // first Linux version with it
	OK    bool   `json:"ok"`
	// Reason tells why not, or what exactly, in words.
	Reason string `json:"reason,omitempty"`
}

// String is one line of a report.
func (f Feature) String() string {
	answer := "no"
	if f.OK {
		answer = "yes"
	}
	s := fmt.Sprintf("%-32s %s", f.Name, answer)
	if f.Reason != "" {
		s += ": " + f.Reason
	}
	if !f.OK && f.Since != "" {
		s += " (since Linux " + f.Since + ")"
	}
	return s
}

// Features is what this host can do. Make it with Detect.
type Features struct {
	// Release is the kernel's own name of its version, such as "6.12.9-amd64".
	Release string  `json:"release"`
	Version Version `json:"version"`
	// Privileged tells that the host program is root with all rights: it maps
	// any user ids, makes device nodes and idmapped mounts.
	Privileged bool `json:"privileged"`
	// Landlock is the ABI version of Landlock; 0: there is none.
	Landlock int `json:"landlock"`
	// List has what was probed, in a fixed order.
	List []Feature `json:"features"`

	allIDs bool // the program's user namespace has all ids
}

// Need gives a NotSupportedError when the feature of that name was probed and
// is missing.
func (f *Features) Need(name, hint string) error {
	for _, x := range f.List {
		if x.Name == name && !x.OK {
			err := &NotSupportedError{Feature: name, Since: x.Since, Hint: hint}
			if x.Reason != "" {
				err.Err = errors.New(x.Reason)
			}
			return err
		}
	}
	return nil
}

// String is a report, one feature a line.
func (f Features) String() string {
	var b strings.Builder
	who := "ordinary user"
	if f.Privileged {
		who = "root"
	}
	fmt.Fprintf(&b, "Linux %s as %s\n", f.Release, who)
	for _, x := range f.List {
		fmt.Fprintln(&b, x)
	}
	return b.String()
}

// Version is a kernel's version.
type Version struct {
	Major int `json:"major"`
	Minor int `json:"minor"`
}

// AtLeast compares versions.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// ParseVersion reads the beginning of a kernel release, "6.12.9-amd64".
func ParseVersion(release string) (Version, error) {
	var v Version
	if _, err := fmt.Sscanf(release, "%d.%d", &v.Major, &v.Minor); err != nil {
		return Version{}, fmt.Errorf("parse kernel release %q: %w", release, err)
	}
	return v, nil
}
