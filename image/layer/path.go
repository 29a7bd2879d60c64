package layer

import (
	"fmt"
	"strconv"
	"strings"
)

// A Path is a path inside a layer, without a slash in front: any bytes but
// NUL. Its text form has %XX for what is no printable ASCII.
type Path string

// MarshalText escapes the path.
func (p Path) MarshalText() ([]byte, error) {
	var b strings.Builder
	for _, c := range []byte(p) {
		if c <= ' ' || c >= 0x7f || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return []byte(b.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (p *Path) UnmarshalText(text []byte) error {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) {
			return fmt.Errorf("read path %q: cut short", text)
		}
		c, err := strconv.ParseUint(string(text[i+1:i+3]), 16, 8)
		if err != nil {
			return fmt.Errorf("read path %q: %w", text, err)
		}
		b.WriteByte(byte(c))
		i += 2
	}
	*p = Path(b.String())
	return nil
}

// split takes a name from a tar apart. An absolute one starts at the root of
// the layer; ".." is taken as text, and must not lead out.
func split(name string, l *Limits) ([]string, error) {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "" || part == ".":
		case part == "..":
			if len(parts) == 0 {
				return nil, &FormatError{ErrEscapes}
			}
			parts = parts[:len(parts)-1]
		case strings.IndexByte(part, 0) >= 0:
			return nil, malformed("NUL in a name")
		default:
			if err := within("length of a name", int64(len(part)), l.Name); err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
		if err := within("depth of a path", int64(len(parts)), l.Depth); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// Names that start with these say what a layer takes away.
const (
	whPrefix = ".wh."
	whMeta   = ".wh..wh." // of AUFS: hard links, locks
	whOpaque = ".wh..wh..opq"
)

// mark is what a name in a tar stands for.
type mark int

const (
	markNone     mark = iota
	markWhiteout      // what has the name without its prefix is taken away
	markOpaque        // everything in the directory is
	markIgnore        // AUFS wrote it for itself
)

// readMark says what an entry's path stands for; target is the name that is
// taken away.
func readMark(parts []string) (m mark, target string, err error) {
	for i, p := range parts {
		if !strings.HasPrefix(p, whPrefix) {
			continue
		}
		if strings.HasPrefix(p, whMeta) && p != whOpaque {
			return markIgnore, "", nil
		}
		if i < len(parts)-1 {
			return 0, "", malformed("whiteout %q is used as a directory", p)
		}
		if p == whOpaque {
			return markOpaque, "", nil
		}
		target = p[len(whPrefix):]
		if target == "" || target == "." || target == ".." {
			return 0, "", malformed("whiteout %q names nothing", p)
		}
		return markWhiteout, target, nil
	}
	return markNone, "", nil
}
