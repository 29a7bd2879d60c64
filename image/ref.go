package image

import (
	"fmt"
	"strings"
)

// A Ref names an image in a registry: where it is, its repository, and a tag,
// a digest or both. Refs can be compared and serve as map keys. The zero value
// names nothing.
type Ref struct {
	registry   string
	repository string
	tag        string
	digest     Digest
}

// RefError says what is wrong with a reference; the text of its cause is
// Docker's. It matches [ErrInvalid].
type RefError struct {
	Ref string
	Err error
}

// Error gives the reference and the cause.
func (e *RefError) Error() string {
	return fmt.Sprintf("parse image reference %q: %v", e.Ref, e.Err)
}

// Unwrap gives the cause.
func (e *RefError) Unwrap() error { return e.Err }

// Is matches ErrInvalid.
func (e *RefError) Is(target error) bool { return target == ErrInvalid }

// ParseRef reads a reference as people write it, by Docker's rules: "busybox"
// is docker.io/library/busybox:latest, and what is before the first slash is a
// registry if it has a dot, a colon or a capital letter, or is localhost.
func ParseRef(s string) (Ref, error) {
	r, err := parseRef(s)
	if err != nil {
		return Ref{}, &RefError{s, err}
	}
	if r.tag == "" && r.digest == "" {
		r.tag = defaultTag
	}
	return r, nil
}

// Registry is the host that has the image, with a port if one was given:
// "docker.io", "localhost:5000".
func (r Ref) Registry() string { return r.registry }

// Repository is the name inside the registry: "library/busybox".
func (r Ref) Repository() string { return r.repository }

// Name is registry and repository: "docker.io/library/busybox".
func (r Ref) Name() string {
	if r.IsZero() {
		return ""
	}
	return r.registry + "/" + r.repository
}

// Tag is the tag, or empty when there is only a digest.
func (r Ref) Tag() string { return r.tag }

// Digest is the digest, or empty. Where there is one, it alone decides which
// image is meant.
func (r Ref) Digest() Digest { return r.digest }

// IsZero tells whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// String is the whole reference: "docker.io/library/busybox:latest".
func (r Ref) String() string { return r.Name() + r.suffix() }

// Familiar is the shortest form that means the same, as Docker shows it:
// "busybox:latest".
func (r Ref) Familiar() string {
	if r.IsZero() {
		return ""
	}
	name := r.Name()
	if r.registry == defaultRegistry {
		name = r.repository
		if short, ok := strings.CutPrefix(name, officialPrefix); ok && !strings.Contains(short, "/") {
			name = short
		}
	}
	// What looks like a registry, or like an id, needs the whole name.
	if again, err := ParseRef(name + r.suffix()); err != nil || again != r {
		return r.String()
	}
	return name + r.suffix()
}

func (r Ref) suffix() string {
	s := ""
	if r.tag != "" {
		s = ":" + r.tag
	}
	if r.digest != "" {
		s += "@" + string(r.digest)
	}
	return s
}

// WithTag is the image of another tag in the same repository; a digest is
// left out.
func (r Ref) WithTag(tag string) (Ref, error) {
	n, err := ParseRef(r.Name() + ":" + tag)
	if err != nil || n.Name() != r.Name() || n.tag != tag {
		return Ref{}, &RefError{r.Name() + ":" + tag, errTagFormat}
	}
	return n, nil
}

// WithDigest pins r to a digest; a tag stays as a note.
func (r Ref) WithDigest(d Digest) (Ref, error) {
	if err := d.Validate(); err != nil {
		return Ref{}, &RefError{r.Name() + "@" + string(d), err}
	}
	r.digest = d
	return r, nil
}

// MarshalText gives the whole reference.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a reference; an empty one is the zero value.
func (r *Ref) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = Ref{}
		return nil
	}
	n, err := ParseRef(string(text))
	if err == nil {
		*r = n
	}
	return err
}
