package fs

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// ParseVolume reads a mount as docker run -v has it:
//
//	[SOURCE:]TARGET[:OPTION,...]
//
// A source that is an absolute path is a directory or file of the host, and is
// made when it is not there (CreateSource); any other is the name of a volume, and
// a relative path is an error. Without a source it is an anonymous volume. The
// options, each at most once, are
//
//	ro, rw                        read-only or not
//	nocopy                        see Mount.NoCopy
//	private, rprivate             no more than what is always so
//	consistent, cached, delegated nothing, as on every Linux
//	z, Z                          nothing: they ask to change SELinux labels on
//	                              the host, which no mount does; whoever needs
//	                              that runs chcon
//
// Shared and slave propagation are refused: mounts of a sandbox are its own.
func ParseVolume(s string) (Mount, error) {
	m, err := parseVolume(s)
	if err != nil {
		return Mount{}, fmt.Errorf("volume %.200q: %w", s, err)
	}
	return m, nil
}

func parseVolume(s string) (Mount, error) {
	fields := strings.Split(s, ":")
	var m Mount
	mode := ""
	switch len(fields) {
	case 1:
		m = Anonymous(fields[0])
	case 2:
		if _, err := parseMode(fields[1]); err == nil && !path.IsAbs(fields[1]) {
			return m, fmt.Errorf("%q is an option and no target, want SOURCE:TARGET:%s", fields[1], fields[1])
		}
		m = source(fields[0], fields[1])
	case 3:
		m, mode = source(fields[0], fields[1]), fields[2]
	default:
		return m, errors.New("it has more than three parts, want [SOURCE:]TARGET[:OPTIONS]")
	}
	if slices.Contains(fields, "") {
		return m, errors.New("a part is empty, want [SOURCE:]TARGET[:OPTIONS]")
	}
	if mode != "" {
		o, err := parseMode(mode)
		if err != nil {
			return m, err
		}
		if m.ReadOnly, m.NoCopy = o.readOnly, o.noCopy; m.NoCopy && m.Type != TypeVolume {
			return m, errors.New("nocopy: a bind mount copies nothing")
		}
	}
	return m, checkParsed(&m)
}

// source tells directories of the host from volumes.
func source(from, target string) Mount {
	if !path.IsAbs(from) {
		return Volume(from, target)
	}
	m := Bind(path.Clean(from), target)
	m.CreateSource = true
	return m
}

// checkParsed checks a whole mount and cleans its target.
func checkParsed(m *Mount) error {
	if m.Type == TypeVolume && (strings.HasPrefix(m.Name, ".") || strings.Contains(m.Name, "/")) {
		return fmt.Errorf("source %q is a relative path, give an absolute one or the name of a volume", m.Name)
	}
	if !path.IsAbs(m.Target) {
		return fmt.Errorf("target %q is not an absolute path", m.Target)
	}
	if err := m.Validate(); err != nil {
		return err
	}
	m.Target = path.Clean(m.Target)
	return nil
}

type mode struct{ readOnly, noCopy bool }

// parseMode reads the options of docker run -v.
func parseMode(s string) (mode, error) {
	var m mode
	seen := make(map[string]string)
	for o := range strings.SplitSeq(s, ",") {
		kind := ""
		switch o {
		case "ro", "rw":
			kind, m.readOnly = "read-only or not", o == "ro"
		case "nocopy":
			kind, m.noCopy = "copy", true
		case "z", "Z":
			kind = "label"
		case "consistent", "cached", "delegated", "default":
			kind = "consistency"
		case "private", "rprivate", "shared", "rshared", "slave", "rslave":
			kind = "propagation"
			if err := checkPropagation(o); err != nil {
				return m, err
			}
		default:
			return m, fmt.Errorf("unknown option %q", o)
		}
		if before, twice := seen[kind]; twice {
			return m, fmt.Errorf("options %q and %q: there can be one for %s", before, o, kind)
		}
		seen[kind] = o
	}
	return m, nil
}

func checkPropagation(p string) error {
	switch p {
	case "private", "rprivate":
		return nil
	case "shared", "rshared", "slave", "rslave":
		return fmt.Errorf("propagation %q: mounts of a sandbox are its own, only private and rprivate can be", p)
	}
	return fmt.Errorf("propagation %q is none of private, rprivate", p)
}
