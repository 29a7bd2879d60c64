package layer

import "github.com/sandkit/sandkit/image"

// DiffOptions say how changes become a layer.
type DiffOptions struct {
	// Format is that of the overlay: OverlayTrusted or OverlayUser.
	Format Format
	// UIDs and GIDs are the id maps of whoever made the changes. They are
	// undone; empty means none.
	UIDs, GIDs []IDRange
	// MaxBytes limits the tar, holes in files included; 0 means what
	// DefaultLimits has for Bytes.
	MaxBytes int64
	// Exclude are paths that are left out, with what is in them.
	Exclude []Path
}

// DiffInfo says what a layer has become.
type DiffInfo struct {
	DiffID  image.Digest // of the tar
	Bytes   int64        // of the tar
	Entries int64
	// Skipped is what a tar cannot have: sockets.
	Skipped []Skipped
}
