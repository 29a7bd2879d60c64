package rootfs

import "github.com/sandkit/sandkit/image"

// MountOptions say how an image is shown. The zero value is a read-only view of
// the image for this host's platform.
type MountOptions struct {
	// Platform selects a manifest of an index; zero means the host's.
	Platform image.Platform
	// Unpack is for layers that are not unpacked yet.
	Unpack Options
	// Writable makes the view copy-on-write: changes are kept in memory and
	// gone when it is closed.
	Writable bool
	// Size bounds the memory of a writable view, in bytes; 0 means the kernel's
	// default, half of the memory.
	Size int64
	// Target, when not empty, is a directory of the host that the view is
	// attached to. It then stays when the program is killed, like every mount.
	Target string
}
