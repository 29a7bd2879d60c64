package fs

import "fmt"

// A Root says what "/" is inside. The zero value shows the host's programs:
// /usr, /bin, /sbin and /lib* read-only, a small made-up /etc, and an empty,
// writable rest that is gone with the sandbox.
type Root struct {
	// Dir is a directory on the host that becomes the root. It is not written:
	// changes go to a scratch layer in memory (overlayfs).
	Dir string `json:"dir,omitempty"`
	// Writable lets the sandbox change Dir itself.
	Writable bool `json:"writable,omitempty"`
	// ReadOnly forbids changes altogether.
	ReadOnly bool `json:"readOnly,omitempty"`
	// ScratchSize limits the scratch layer, in bytes; 0 means DefaultScratchSize.
	ScratchSize int64 `json:"scratchSize,omitempty"`
}

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
	if r.Dir != "" {
		s = r.Dir
	}
	switch {
	case r.ReadOnly:
		return s + ", read-only"
	case r.Writable:
		return s + ", writable"
	}
	return fmt.Sprintf("%s, copy-on-write (%d bytes)", s, r.scratch())
}
