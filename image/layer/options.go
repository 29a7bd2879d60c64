package layer

import (
	"math"

	"github.com/sandkit/sandkit/image"
)

// Format is the form that a layer has in a directory.
type Format int

const (
	// OverlayTrusted is a lower directory for an overlayfs that is mounted
	// with privileges in the first user namespace. What the layer takes away is
	// a character device 0:0; directories that hide what is below have the
	// attribute trusted.overlay.opaque.
	OverlayTrusted Format = iota
	// OverlayUser is the same for the mount option userxattr, which is for
	// overlays mounted in user namespaces: user.overlay.opaque.
	OverlayUser
	// Flat is a whole tree: the layer changes what the layers below have left
	// in the directory.
	Flat
)

// String is the format's name.
func (f Format) String() string {
	switch f {
	case OverlayTrusted:
		return "overlay"
	case OverlayUser:
		return "overlay-user"
	case Flat:
		return "flat"
	}
	return "unknown"
}

// xattrPrefix is that of overlayfs's attributes.
func (f Format) xattrPrefix() string {
	if f == OverlayUser {
		return "user.overlay."
	}
	return "trusted.overlay."
}

// Devices says what becomes of device nodes.
type Devices int

const (
	// DevicesDefault makes them, and leaves them out when Rootless.
	DevicesDefault Devices = iota
	// DevicesSkip leaves them out.
	DevicesSkip
	// DevicesRecord puts an empty file in their place whose attribute
	// user.sandkit.stat says what it stands for; [Diff] gives the device again.
	DevicesRecord
)

// An IDRange maps ids inside of images to those on the host.
type IDRange struct {
	Inside, Outside, Count uint32
}

// Options say how a layer is unpacked. The zero value checks nothing but the
// format, and unpacks as root.
type Options struct {
	// Layer describes the packed layer: its digest and size are checked where
	// they are not zero, and how it is packed where the media type is not empty.
	Layer image.Descriptor
	// DiffID is the digest of the tar, checked when not empty.
	DiffID image.Digest
	// Image is the name for errors.
	Image string
	// Format is the directory's.
	Format Format
	// Rootless is for callers who may not give files away. Owners other than
	// 0:0 are recorded in the attribute user.sandkit.stat of files and
	// directories, where the kernel takes such attributes.
	Rootless bool
	// UIDs and GIDs map owners; empty means as they are.
	UIDs, GIDs []IDRange
	// Devices says what becomes of device nodes.
	Devices Devices
	// Limits bound the cost.
	Limits Limits
	// Progress, when not nil, is called now and then, from one goroutine at a
	// time, with the number of packed bytes read.
	Progress func(packed int64)
}

// Info says what a layer was, and what is open until [Settle] knows the
// layers below it. It can be kept as JSON.
type Info struct {
	Digest  image.Digest `json:"digest"`  // of the packed bytes
	DiffID  image.Digest `json:"diffID"`  // of the tar
	Size    int64        `json:"size"`    // packed bytes
	Bytes   int64        `json:"bytes"`   // of the tar
	Entries int64        `json:"entries"` // in the tar
	// Root tells that the layer describes the root directory itself.
	Root bool `json:"root,omitempty"`
	// Implicit are directories that the layer puts something into but does not
	// describe, parents first. They are 0755, of 0:0, until settled.
	Implicit []Path `json:"implicit,omitempty"`
	// Hollow are those of them that have nothing but whiteouts, parents first.
	Hollow []Path `json:"hollow,omitempty"`
	// Late are directories that the layer used before it said what is there.
	// If there is a link below, what was put there went elsewhere.
	Late []Path `json:"late,omitempty"`
	// Links are hard links to files of the layers below, which are missing
	// until settled.
	Links []Link `json:"links,omitempty"`
	// Whiteouts are the names that the layer takes away.
	Whiteouts []Path `json:"whiteouts,omitempty"`
	// OpaqueRoot tells that the layer takes away everything below. overlayfs
	// cannot say that of a root; a settled layer takes each name away.
	OpaqueRoot bool `json:"opaqueRoot,omitempty"`
	// Skipped is what could not be kept.
	Skipped []Skipped `json:"skipped,omitempty"`
}

// A Link is a hard link to a file of a lower layer.
type Link struct {
	Path   Path `json:"path"`
	Target Path `json:"target"`
	// Early links came before their target in the layer, and have it. If there
	// is such a file below, they mean that one.
	Early bool `json:"early,omitempty"`
}

// Skipped is something of a layer that its directory does not have.
type Skipped struct {
	Path Path   `json:"path"`
	What string `json:"what"` // "device", "attribute NAME"
}

// mapID maps one id.
func mapID(ranges []IDRange, kind string, id int64) (uint32, error) {
	if id < 0 || id >= math.MaxUint32 { // the last one means "no change"
		return 0, &IDError{kind, id}
	}
	if len(ranges) == 0 {
		return uint32(id), nil
	}
	for _, r := range ranges {
		if d := id - int64(r.Inside); d >= 0 && d < int64(r.Count) && int64(r.Outside)+d < math.MaxUint32 {
			return uint32(int64(r.Outside) + d), nil
		}
	}
	return 0, &IDError{kind, id}
}

// unmapID is the way back.
func unmapID(ranges []IDRange, kind string, id uint32) (int, error) {
	if len(ranges) == 0 {
		return int(id), nil
	}
	for _, r := range ranges {
		if d := int64(id) - int64(r.Outside); d >= 0 && d < int64(r.Count) {
			return int(int64(r.Inside) + d), nil
		}
	}
	return 0, &IDError{kind, int64(id)}
}
