package ns

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Mode is how a sandbox comes by a namespace.
type Mode string

// The modes. The zero Mode is New.
const (
	New  Mode = ""     // made for the sandbox
	Host Mode = "host" // the host program's own
	Join Mode = "join" // an existing one
)

// A Namespace says how the sandbox comes by one namespace. The zero value is a
// new one. At most one of Path, PID and Name is set, and only with Join.
type Namespace struct {
	Mode Mode   `json:"mode,omitempty"`
	Path string `json:"path,omitempty"` // a namespace file, such as /proc/1/ns/net
	PID  int    `json:"pid,omitempty"`  // a process in it
	Name string `json:"name,omitempty"` // network namespaces only: as "ip netns" names them
}

// OfHost is the host program's own namespace.
func OfHost() Namespace { return Namespace{Mode: Host} }

// OfPath joins the namespace that the file at path stands for.
func OfPath(path string) Namespace { return Namespace{Mode: Join, Path: path} }

// OfPID joins a namespace of the process with this pid.
func OfPID(pid int) Namespace { return Namespace{Mode: Join, PID: pid} }

// OfFD joins the namespace behind an open descriptor of the host program,
// which must stay open until the sandbox has started.
func OfFD(fd uintptr) Namespace { return OfPath(fmt.Sprintf("/proc/self/fd/%d", fd)) }

// OfName joins the network namespace that "ip netns add" made under this name.
func OfName(name string) Namespace { return Namespace{Mode: Join, Name: name} }

// String is "new", "host" or what is joined.
func (n Namespace) String() string {
	switch {
	case n.Mode == New:
		return "new"
	case n.Mode != Join:
		return string(n.Mode)
	case n.Path != "":
		return "join " + n.Path
	case n.Name != "":
		return "join " + n.Name
	default:
		return fmt.Sprintf("join process %d", n.PID)
	}
}

// Validate checks that the fields agree.
func (n Namespace) Validate(kind Kind) error {
	given := 0
	for _, set := range []bool{n.Path != "", n.PID != 0, n.Name != ""} {
		if set {
			given++
		}
	}
	switch {
	case n.Mode != New && n.Mode != Host && n.Mode != Join:
		return fmt.Errorf("mode %q is none of \"\", \"host\", \"join\"", n.Mode)
	case n.Mode != Join && given > 0:
		return fmt.Errorf("path, pid and name go with mode \"join\", not %q", n.Mode)
	case n.Mode == Join && given != 1:
		return errors.New("mode \"join\" takes one of path, pid and name")
	case n.Path != "" && (!filepath.IsAbs(n.Path) || strings.IndexByte(n.Path, 0) >= 0):
		return fmt.Errorf("path %q is not absolute", n.Path)
	case n.PID < 0:
		return fmt.Errorf("pid %d is negative", n.PID)
	case n.Name != "" && kind != Net:
		return fmt.Errorf("only network namespaces have names, use path or pid for %s", kind)
	case n.Name != "" && (n.Name != filepath.Base(n.Name) || n.Name == "." || n.Name == ".."):
		return fmt.Errorf("name %q is not a file name", n.Name)
	}
	return nil
}
