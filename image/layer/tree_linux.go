package layer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/sys"
)

// Tree lists everything below the root in directories that layers were
// unpacked to, or in files with EROFS images, given the lowest first: what a
// mount of them would show. It mounts nothing. Owners and devices that were recorded are shown as such.
// Paths come in order, what is in a directory after it.
func Tree(format Format, layers ...*os.File) ([]Entry, error) {
	t := &treeReader{links: make(map[inode]Path)}
	roots, err := sourcesOf(layers)
	if err == nil {
		err = t.read(newView(roots, format), "")
	}
	runtime.KeepAlive(layers) // the view has numbers only
	return t.entries, err
}

type inode struct{ device, number uint64 }

type treeReader struct {
	entries []Entry
	links   map[inode]Path
}

func (t *treeReader) read(v *view, prefix string) error {
	names, err := v.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		f, err := v.lookup(name)
		if err != nil {
			return at(prefix+name, err)
		}
		if f == nil {
			continue
		}
		e, err := t.entry(f, prefix+name)
		if err != nil {
			f.close()
			return at(prefix+name, err)
		}
		t.entries = append(t.entries, e)
		err = t.read(f.sub, prefix+name+"/")
		f.close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *treeReader) entry(f *found, path string) (Entry, error) {
	e := Entry{
		Path: Path(path), Mode: f.st.Mode & 0o7777, UID: int(f.st.UID), GID: int(f.st.GID),
		ModTime: time.Unix(f.st.MtimeSec, f.st.MtimeNs).UTC(), Type: typeName(f.st.Mode),
	}
	xattrs, err := f.in.xattrs(f.name)
	if err != nil {
		return e, err
	}
	for k, v := range xattrs {
		if settable(k) {
			if e.Xattrs == nil {
				e.Xattrs = make(map[string]string)
			}
			e.Xattrs[k] = string(v)
		}
	}
	switch e.Type {
	case "symlink":
		e.Target, err = f.in.readlink(f.name)
	case "char", "block":
		e.Major, e.Minor = sys.DeviceNumbers(f.st.Rdev)
	case "file":
		e.Size = f.st.Size
		if e.Digest, err = contentDigest(f.in, f.name); err != nil {
			return e, err
		}
	}
	if e.Type != "dir" && f.st.Links > 1 {
		id := inode{f.st.Device, f.st.Inode}
		e.Link = t.links[id]
		if e.Link == "" {
			t.links[id] = e.Path
		}
	}
	if r, ok := xattrs[xattrStat]; ok && err == nil {
		err = e.recorded(string(r))
	}
	return e, err
}

// recorded takes owner, and device, from our record of them.
func (e *Entry) recorded(stat string) error {
	var kind byte
	n, _ := fmt.Sscanf(stat, "%d:%d:%c:%d:%d", &e.UID, &e.GID, &kind, &e.Major, &e.Minor)
	switch {
	case n == 2:
		return nil
	case n == 5 && (kind == 'b' || kind == 'c'):
		e.Type, e.Size, e.Digest = map[byte]string{'b': "block", 'c': "char"}[kind], 0, ""
		return nil
	}
	return malformed("attribute %s is %q", xattrStat, stat)
}

func typeName(mode uint32) string {
	switch mode & sys.S_IFMT {
	case sys.S_IFDIR:
		return "dir"
	case sys.S_IFREG:
		return "file"
	case sys.S_IFLNK:
		return "symlink"
	case sys.S_IFCHR:
		return "char"
	case sys.S_IFBLK:
		return "block"
	case sys.S_IFIFO:
		return "fifo"
	}
	return "socket"
}

// openRegular opens a file that was a regular one, and makes sure that it
// still is: a FIFO does not block, a device is not read.
func openRegular(dir int, name string) (*os.File, error) {
	fd, err := sys.Openat(dir, name, sys.O_RDONLY|sys.O_NOFOLLOW|sys.O_NONBLOCK|sys.O_NOCTTY)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	mode, err := sys.Mode(fd.Int())
	if err == nil && mode&sys.S_IFMT != sys.S_IFREG {
		err = fmt.Errorf("no regular file any more: %w", syscall.ESTALE)
	}
	if err != nil {
		fd.Close()
		return nil, err
	}
	return fd.File(name), nil
}

func contentDigest(dir source, name string) (image.Digest, error) {
	f, err := dir.file(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return image.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), nil
}
