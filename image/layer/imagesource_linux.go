package layer

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/sandkit/sandkit/image/erofs"
	"github.com/sandkit/sandkit/internal/sys"
)

// imageSource is a directory of an EROFS image that is not mounted. Names are
// looked up below directories only, so that no link is on the way.
type imageSource struct {
	r      *erofs.Reader
	dir    string // "" is the root
	device uint64
}

func (s imageSource) path(name string) string {
	switch {
	case s.dir == "" && name == "":
		return "."
	case s.dir == "":
		return name
	case name == "":
		return s.dir
	}
	return s.dir + "/" + name
}

func (s imageSource) lstat(name string) (fs.FileInfo, *erofs.Stat, error) {
	info, err := s.r.Lstat(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, syscall.ENOENT
	}
	if err != nil {
		return nil, nil, err
	}
	st, ok := info.Sys().(*erofs.Stat)
	if !ok {
		return nil, nil, errors.ErrUnsupported
	}
	return info, st, nil
}

func (s imageSource) stat(name string) (sys.Stat, error) {
	info, st, err := s.lstat(name)
	if err != nil {
		return sys.Stat{}, err
	}
	return sys.Stat{
		Mode: st.Mode, UID: st.UID, GID: st.GID, Links: uint64(st.Nlink), Size: info.Size(),
		Device: s.device, Inode: st.Ino, Rdev: st.Rdev, MtimeSec: st.MtimeSec, MtimeNs: int64(st.MtimeNsec),
	}, nil
}

func (s imageSource) open(name string) (source, error) {
	info, _, err := s.lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, os.NewSyscallError("open directory", syscall.ENOTDIR)
	}
	return imageSource{s.r, s.path(name), s.device}, nil
}

func (s imageSource) file(name string) (io.ReadCloser, error) {
	info, _, err := s.lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, os.NewSyscallError("open", syscall.ESTALE)
	}
	return s.r.Open(s.path(name))
}

func (s imageSource) readlink(name string) (string, error) { return s.r.ReadLink(s.path(name)) }

func (s imageSource) xattr(name, attribute string) (value []byte, ok bool, err error) {
	all, err := s.xattrs(name)
	value, ok = all[attribute]
	return value, ok, err
}

func (s imageSource) xattrs(name string) (map[string][]byte, error) {
	_, st, err := s.lstat(name)
	if err != nil {
		return nil, err
	}
	return st.Xattrs, nil
}

func (s imageSource) names() ([]string, error) {
	entries, err := s.r.ReadDir(s.path(""))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (s imageSource) close() {}
