package rootfs

import (
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
)

// A Kind is what a layer of a Stack is.
type Kind string

const (
	// KindDir is a directory.
	KindDir Kind = "dir"
	// KindEROFS is a file with an EROFS image.
	KindEROFS Kind = "erofs"
)

// A Stack is an image's root: layers to be mounted over one another. Its trees
// are the store's and must not be changed. They stay as long as the lease that
// they were unpacked under, or an image that has them.
type Stack struct {
	// Layers are the layers, the lowest first; none for an image without any.
	// A layer that the image has twice is there once, and several may have
	// become one.
	Layers []Layer
	// Root is the root directory, which an overlay takes from its uppermost
	// layer, even if that says nothing of it.
	Root Attr
	// Format is that of whiteouts and opaque directories: OverlayTrusted, or
	// OverlayUser, which is mounted with the option userxattr.
	Format layer.Format
}

// A Layer is one layer of a Stack.
type Layer struct {
	Path string
	Kind Kind
	// Digest is the diffID of the image's layer, of several the uppermost one's.
	Digest image.Digest
}

// Attr is what a root directory is like, as the image has it: the owner is the
// one inside also where another one stands for it on the host.
type Attr struct {
	Mode uint32 `json:"mode"` // permissions, with set-user-ID, set-group-ID, sticky
	UID  uint32 `json:"uid"`
	GID  uint32 `json:"gid"`
	// ModTime is zero when no layer says it.
	ModTime time.Time `json:"modTime,omitzero"`
	// Xattrs are extended attributes, by their full names.
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
}

// defaultAttr is of a root that no layer describes.
var defaultAttr = Attr{Mode: 0o755}
