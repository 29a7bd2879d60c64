package image

import "time"

// CommitOptions say what image is made of a sandbox, as "docker commit" takes
// them. The zero value makes one without a name, and pauses the sandbox while
// its files are read.
type CommitOptions struct {
	// Ref names the image; it is not named if zero.
	Ref Ref
	// Author is who made the image ("Jane <jane@example.com>"), and Message what
	// was changed: a comment in the history. Both are for people.
	Author, Message string
	// Changes are Dockerfile instructions that change how the image's programs
	// are run; see [ApplyChanges].
	Changes []string
	// NoPause lets the programs run while their files are read. Files that they
	// write just then may be in the image half-written.
	NoPause bool
	// Compression packs the new layer; by default it is stored as it is, and a
	// push can pack it.
	Compression Compression
	// Created is when the image was made; now if zero. With the same time, the
	// same files make the same image.
	Created time.Time
}
