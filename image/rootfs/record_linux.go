package rootfs

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/sys"
)

// What a key's directory in the store has.
const (
	treeName   = "root"       // the layer as a directory
	imageName  = "image"      // or as an EROFS image
	recordName = "layer.json" // a record
	infoName   = "info.json"  // a layer.Info, of open layers only
)

// A record is what is known of an unpacked layer without looking into it.
type record struct {
	Kind Kind `json:"kind,omitempty"`
	// Root is the root directory, if the layer describes it.
	Root *Attr `json:"root,omitempty"`
	// Flat tells that the tree has all layers below, too.
	Flat bool `json:"flat,omitempty"`
	// Fits tells that the open layer is right here; there is no tree.
	Fits bool `json:"fits,omitempty"`
}

// tree is an unpacked layer of the store.
type tree struct {
	record
	dir    string // the key's
	diffID image.Digest
	file   *os.File // its root, when something has looked into it
}

// path is where the layer is.
func (t *tree) path() string {
	if t.Kind == KindEROFS {
		return filepath.Join(t.dir, imageName)
	}
	return filepath.Join(t.dir, treeName)
}

// readTree reads what a key's directory says.
func readTree(dir string, diffID image.Digest) (*tree, error) {
	t := &tree{dir: dir, diffID: diffID}
	if err := readJSON(filepath.Join(dir, recordName), &t.record); err != nil {
		return nil, err
	}
	if t.Fits == (t.Kind != "") || t.Kind != "" && t.Kind != KindDir && t.Kind != KindEROFS {
		return nil, fmt.Errorf("read %s: unpacked layer of kind %q: %w", dir, string(t.Kind), image.ErrCorrupt)
	}
	return t, nil
}

func readJSON(path string, v any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read unpacked layer: %w", err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("read unpacked layer %s: %w (%w)", path, image.ErrCorrupt, err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("BUG: encode %s: %w", filepath.Base(path), err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	return errors.Join(err, f.Close())
}

// statAttr is the owner that stands for another one, see layer.Options.
const statAttr = "user.sandkit.stat"

// readAttr looks at a root directory.
func readAttr(root *os.File, f form) (*Attr, error) {
	defer runtime.KeepAlive(root)
	fd := int(root.Fd())
	st, err := sys.Fstatat(fd, "")
	if err != nil {
		return nil, os.NewSyscallError("stat", err)
	}
	xattrs, err := sys.Xattrs(sys.FdPath(fd))
	if err != nil {
		return nil, os.NewSyscallError("read attributes", err)
	}
	a := &Attr{Mode: st.Mode & 0o7777, UID: st.UID, GID: st.GID, ModTime: time.Unix(st.MtimeSec, st.MtimeNs).UTC()}
	if f.rootless {
		a.UID, a.GID = 0, 0
		if stat, ok := xattrs[statAttr]; ok {
			if _, err := fmt.Sscanf(string(stat), "%d:%d", &a.UID, &a.GID); err != nil {
				return nil, fmt.Errorf("attribute %s is %q: %w", statAttr, stat, image.ErrCorrupt)
			}
		}
	}
	a.setXattrs(xattrs)
	return a, nil
}

// setXattrs takes those attributes that are the directory's own.
func (a *Attr) setXattrs(all map[string][]byte) {
	for name, value := range all {
		if !portable(name) {
			continue
		}
		if a.Xattrs == nil {
			a.Xattrs = make(map[string][]byte)
		}
		a.Xattrs[name] = value
	}
}

// portable tells whether an attribute is the directory's own: neither
// overlayfs's, nor ours, nor the host's.
func portable(name string) bool {
	switch {
	case strings.HasPrefix(name, "user.overlay."), strings.HasPrefix(name, "user.sandkit."):
		return false
	}
	return strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "system.posix_acl_")
}
