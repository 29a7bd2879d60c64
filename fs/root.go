package fs

import (
	"errors"
	"fmt"
	"path"
)

// A Root says what "/" is inside. The zero value shows the host's programs:
// /usr, /bin, /sbin and /lib* read-only, a small made-up /etc, and an empty,
// writable rest that is gone with the sandbox.
type Root struct {
	// Dir is a directory on the host that becomes the root. It is not written:
	// changes go to a scratch layer in memory (overlayfs).
	Dir string `json:"dir,omitempty"`
	// Layers are what the root is made of, the lowest first, in place of Dir.
	// They are not written either.
	Layers []Layer `json:"layers,omitempty"`
	// Mode and the owner of the root directory, as seen by who made the layers,
	// when there are Layers. A mode of 0 means 0755.
	Mode uint32 `json:"mode,omitempty"`
	UID  uint32 `json:"uid,omitempty"`
	GID  uint32 `json:"gid,omitempty"`
	// Writable lets the sandbox change Dir itself.
	Writable bool `json:"writable,omitempty"`
	// ReadOnly forbids changes altogether.
	ReadOnly bool `json:"readOnly,omitempty"`
	// ScratchSize limits the scratch layer, in bytes; 0 means DefaultScratchSize.
	ScratchSize int64 `json:"scratchSize,omitempty"`
}

// A Layer is a directory, or an image of a file system, that was prepared for
// an overlayfs: what it takes away from the layers below, and directories that
// hide them, are marked as overlayfs does it.
type Layer struct {
	// Type is the file system in the image, such as "erofs"; empty for a
	// directory.
	Type string `json:"type,omitempty"`
	// Source is the absolute path of the directory, of the image (Linux 6.12), or
	// of a block device with the image. Only root can mount images, and should
	// only mount those that it has made itself.
	Source string `json:"source"`
}

// String is the source, and what it is.
func (l Layer) String() string {
	if l.Type == "" {
		return l.Source
	}
	return l.Type + " " + l.Source
}

// MaxLayers is how many layers a root may have: their names, of one byte each,
// must fit into 255 bytes (fsconfig).
const MaxLayers = 128

// validateLayers reports what is wrong with the layers.
func (r Root) validateLayers() error {
	var errs []error
	if r.Dir != "" || r.Writable {
		errs = append(errs, errors.New("rootfs: layers cannot be combined with a directory or written to"))
	}
	if len(r.Layers) > MaxLayers {
		errs = append(errs, fmt.Errorf("rootfs: %d layers are over %d", len(r.Layers), MaxLayers))
	}
	for i, l := range r.Layers {
		if err := checkSource(l.Source); err != nil {
			errs = append(errs, fmt.Errorf("rootfs: layer %d: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// place names the root in errors.
func (r Root) place() string {
	if len(r.Layers) > 0 {
		return r.Layers[len(r.Layers)-1].Source
	}
	return r.Dir
}

// hasOverlay tells whether changes go to a layer of their own.
func (r Root) hasOverlay() bool { return (r.Dir != "" || len(r.Layers) > 0) && !r.Writable }

// DefaultScratchSize limits what a sandbox may write into its root. It is a
// limit, not a reservation.
const DefaultScratchSize = 512 << 20

func (r Root) scratch() int64 {
	if r.ScratchSize == 0 {
		return DefaultScratchSize
	}
	return r.ScratchSize
}

// String shows the root on one line.
func (r Root) String() string {
	s := "host tools"
	switch n := len(r.Layers); {
	case r.Dir != "":
		s = r.Dir
	case n > 0:
		s = fmt.Sprintf("%d layers up to %s", n, path.Base(r.Layers[n-1].Source))
	}
	switch {
	case r.ReadOnly:
		return s + ", read-only"
	case r.Writable:
		return s + ", writable"
	}
	return fmt.Sprintf("%s, copy-on-write (%d bytes)", s, r.scratch())
}
