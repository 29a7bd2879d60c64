package sandbox

// A ChangeKind says what became of a path.
type ChangeKind byte

// The kinds, as docker diff calls them.
const (
	ChangeAdded    ChangeKind = 'A'
	ChangeModified ChangeKind = 'C'
	ChangeDeleted  ChangeKind = 'D'
)

// String is the letter.
func (k ChangeKind) String() string { return string(rune(k)) }

// A Change is what became of one path of a sandbox's root.
type Change struct {
	Kind ChangeKind
	Path string // absolute
}

// String shows the change as docker diff does: "A /f".
func (c Change) String() string { return c.Kind.String() + " " + c.Path }
