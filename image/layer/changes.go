package layer

// A ChangeKind says what became of a path.
type ChangeKind byte

// The kinds, as docker diff calls them.
const (
	Added    ChangeKind = 'A'
	Modified ChangeKind = 'C'
	Deleted  ChangeKind = 'D'
)

// A Change is what became of one path.
type Change struct {
	Kind ChangeKind
	Path Path
}

// String shows the change as docker diff does: "A /f".
func (c Change) String() string { return string(rune(c.Kind)) + " /" + string(c.Path) }

// ChangesOptions say how changes are found.
type ChangesOptions struct {
	// Format is that of the overlay: OverlayTrusted or OverlayUser.
	Format Format
	// UIDs and GIDs are the id maps of whoever made the changes; empty means none.
	UIDs, GIDs []IDRange
	// Exclude are paths that are left out, with what is in them, and with the
	// directories that were changed only because of them.
	Exclude []Path
}
