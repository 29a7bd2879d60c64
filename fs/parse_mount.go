package fs

import (
	"encoding/csv"
	"errors"
	"fmt"
	iofs "io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ParseMount reads a mount as docker run --mount has it: fields separated by
// commas, of the form KEY=VALUE, or KEY alone where that means true; one in which
// there is a comma is in double quotes. The keys, each at most once, are
//
//	type                     bind, volume (the default) or tmpfs
//	target, destination, dst an absolute path inside
//	source, src              of a bind mount an absolute path, which must be there;
//	                         of a volume its name, or nothing
//	readonly, ro             forbids writing
//	bind-propagation         private or rprivate; see ParseVolume
//	bind-recursive           enabled, readonly, or disabled, which is Mount.Flat
//	bind-nonrecursive        the older word for that
//	bind-create-src          see Mount.CreateSource
//	volume-nocopy            see Mount.NoCopy
//	volume-subpath           see Mount.Subpath
//	tmpfs-size               bytes, or with a unit: 64m, 1g
//	tmpfs-mode               permissions, in octal
//	consistency              nothing, as on every Linux
//
// Keys of a type that the mount is not of are errors.
func ParseMount(s string) (Mount, error) {
	m, err := parseMount(s)
	if err != nil {
		return Mount{}, fmt.Errorf("mount %.200q: %w", s, err)
	}
	return m, nil
}

func parseMount(s string) (Mount, error) {
	r := csv.NewReader(strings.NewReader(s))
	fields, err := r.Read()
	if err != nil {
		return Mount{}, fmt.Errorf("read fields: %w", err)
	}
	if r.InputOffset() < int64(len(s)) {
		return Mount{}, errors.New("it has more than one line")
	}
	p := mountParser{m: Mount{Type: TypeVolume}, seen: make(map[string]string)}
	for _, f := range fields {
		key, value, valued := strings.Cut(f, "=")
		if err := p.field(strings.ToLower(key), value, valued); err != nil {
			return Mount{}, err
		}
	}
	if err := p.finish(); err != nil {
		return Mount{}, err
	}
	return p.m, checkParsed(&p.m)
}

type mountParser struct {
	m      Mount
	source string
	seen   map[string]string // what key was used for a thing
}

// keys gives each key's thing; things of one type begin with it.
var keys = map[string]string{
	"type": "type", "target": "target", "destination": "target", "dst": "target", "source": "source", "src": "source",
	"readonly": "readonly", "ro": "readonly", "consistency": "consistency",
	"bind-propagation": "bind propagation", "bind-recursive": "bind recursion", "bind-nonrecursive": "bind recursion",
	"bind-create-src": "bind source's creation", "volume-nocopy": "volume copy", "volume-subpath": "volume subpath",
	"tmpfs-size": "tmpfs size", "tmpfs-mode": "tmpfs mode",
}

// field reads one field.
func (p *mountParser) field(key, value string, valued bool) (err error) {
	thing, known := keys[key]
	if !known {
		return fmt.Errorf("unknown option %q", key)
	}
	if before, twice := p.seen[thing]; twice {
		return fmt.Errorf("options %q and %q: there can be one only", before, key)
	}
	p.seen[thing] = key
	m := &p.m
	if flag := p.flag(key); flag != nil {
		if *flag = true; valued {
			if *flag, err = strconv.ParseBool(value); err != nil {
				return fmt.Errorf("option %q: %q is neither true nor false", key, value)
			}
		}
		return nil
	}
	if !valued || value == "" {
		return fmt.Errorf("option %q has no value", key)
	}
	switch thing {
	case "type":
		m.Type = Type(strings.ToLower(value))
	case "target":
		m.Target = value
	case "source":
		p.source = value
	case "bind propagation":
		err = checkPropagation(value)
	case "bind recursion":
		m.Flat, err = parseRecursion(value)
	case "volume subpath":
		m.Subpath = value
	case "tmpfs size":
		m.Size, err = parseSize(value)
	case "tmpfs mode":
		m.Mode, err = parsePermission(value)
	}
	if err != nil {
		return fmt.Errorf("option %q: %w", key, err)
	}
	return nil
}

// flag gives what a key alone sets to true; nil for others.
func (p *mountParser) flag(key string) *bool {
	switch key {
	case "readonly", "ro":
		return &p.m.ReadOnly
	case "bind-nonrecursive":
		return &p.m.Flat
	case "bind-create-src":
		return &p.m.CreateSource
	case "volume-nocopy":
		return &p.m.NoCopy
	}
	return nil
}

// finish makes sure that the fields fit together.
func (p *mountParser) finish() error {
	m := &p.m
	switch m.Type {
	case TypeBind:
		if m.Source = p.source; !path.IsAbs(m.Source) {
			return fmt.Errorf("source %q of a bind mount is not an absolute path", m.Source)
		}
		m.Source = path.Clean(m.Source)
	case TypeVolume:
		m.Name = p.source
		if path.IsAbs(m.Name) {
			return fmt.Errorf("source %q is a path and no name of a volume; use type=bind", m.Name)
		}
	case TypeTmpfs:
		if p.source != "" {
			return fmt.Errorf("source %q: a tmpfs has none", p.source)
		}
	default:
		return fmt.Errorf("type %q is none of bind, volume, tmpfs", m.Type)
	}
	if m.Target == "" {
		return errors.New("target is missing")
	}
	for _, thing := range slices.Sorted(maps.Keys(p.seen)) {
		for _, t := range []Type{TypeBind, TypeVolume, TypeTmpfs} {
			if strings.HasPrefix(thing, string(t)+" ") && m.Type != t {
				return fmt.Errorf("option %q is for type %s, not for %s", p.seen[thing], t, m.Type)
			}
		}
	}
	return nil
}

func parseRecursion(s string) (flat bool, err error) {
	switch s {
	case "enabled", "readonly":
		return false, nil
	case "disabled":
		return true, nil
	case "writable":
		return false, errors.New("writable: what is mounted below a read-only mount is always read-only")
	}
	return false, fmt.Errorf("%q is none of enabled, disabled, readonly", s)
}

// parseSize reads a number of bytes as Docker does: units are powers of 1024.
func parseSize(s string) (int64, error) {
	number := strings.TrimRight(strings.ToLower(s), "bi")
	shift := 0
	if n := len(number); n > 0 {
		if i := strings.IndexByte("kmgtp", number[n-1]); i >= 0 {
			number, shift = strings.TrimSpace(number[:n-1]), 10*(i+1)
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if v *= float64(int64(1) << shift); err != nil || !(v >= 0 && v < math.MaxInt64) {
		return 0, fmt.Errorf("%q is no size such as 64m", s)
	}
	return int64(v), nil
}

func parsePermission(s string) (iofs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	const sticky = 0o1000
	if err != nil || n&^(0o777|sticky) != 0 {
		return 0, fmt.Errorf("%q is no permission in octal, such as 1777", s)
	}
	mode := iofs.FileMode(n & 0o777)
	if n&sticky != 0 {
		mode |= iofs.ModeSticky
	}
	return mode, nil
}
