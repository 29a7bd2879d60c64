package layer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sandkit/sandkit/image"
)

// An Entry is one name in a tree.
type Entry struct {
	Path         Path              `json:"path"`
	Type         string            `json:"type"` // dir, file, symlink, char, block, fifo, socket
	Mode         uint32            `json:"mode"` // permissions, with set-user-ID, set-group-ID, sticky
	UID          int               `json:"uid"`
	GID          int               `json:"gid"`
	Size         int64             `json:"size,omitempty"` // of files
	ModTime      time.Time         `json:"modTime"`
	Target       string            `json:"target,omitempty"` // of symlinks
	Major, Minor uint32            `json:",omitempty"`       // of devices
	Link         Path              `json:"link,omitempty"`   // the first name of the same file
	Xattrs       map[string]string `json:"xattrs,omitempty"`
	Digest       image.Digest      `json:"digest,omitempty"` // of a file's content
}

// String shows the entry on one line.
func (e Entry) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %s %04o %d:%d %s", string(e.Path), e.Type, e.Mode, e.UID, e.GID, e.ModTime.UTC().Format(time.RFC3339Nano))
	if e.Type == "file" {
		fmt.Fprintf(&b, " %d %s", e.Size, e.Digest)
	}
	if e.Target != "" {
		fmt.Fprintf(&b, " -> %q", e.Target)
	}
	if e.Type == "char" || e.Type == "block" {
		fmt.Fprintf(&b, " %d:%d", e.Major, e.Minor)
	}
	if e.Link != "" {
		fmt.Fprintf(&b, " = %q", string(e.Link))
	}
	for _, k := range slices.Sorted(maps.Keys(e.Xattrs)) {
		fmt.Fprintf(&b, " %s=%q", k, e.Xattrs[k])
	}
	return b.String()
}
