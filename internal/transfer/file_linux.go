package transfer

import (
	"cmp"
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"path"
	"slices"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

// file is an open regular file. Its information is fresh each time, with
// owners as inside.
type file struct {
	f    *os.File
	info *info
}

// Close closes the file.
func (f *file) Close() error { return f.f.Close() }

// Stat looks at the open file.
func (f *file) Stat() (iofs.FileInfo, error) {
	now, err := onFile(f.f, func(fd int) (*info, error) { return f.info.view.info(fd, "", f.info.name) })
	if err != nil {
		return nil, pathError("stat", f.info.name, err)
	}
	return now, nil
}

// Read reads what comes next.
func (f *file) Read(p []byte) (int, error) { return f.f.Read(p) }

// ReadAt reads at an offset.
func (f *file) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }

// Seek sets where Read goes on.
func (f *file) Seek(off int64, whence int) (int64, error) { return f.f.Seek(off, whence) }

// WriteTo writes the rest to w: the kernel copies, if it can.
func (f *file) WriteTo(w io.Writer) (int64, error) { return f.f.WriteTo(w) }

// directory is an open directory.
type directory struct {
	file
	view *FS
	path string
}

// Read fails: a directory has no content.
func (d *directory) Read([]byte) (int, error) { return 0, pathError("read", d.path, syscall.EISDIR) }

// ReadDir gives the next n entries, or all that are left if n is not positive.
func (d *directory) ReadDir(n int) ([]iofs.DirEntry, error) {
	for {
		names, err := d.f.Readdirnames(n)
		entries, statErr := d.entries(names)
		if statErr != nil {
			return entries, statErr
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				err = pathError("readdir", d.path, err)
			}
			return entries, err
		}
		if len(entries) > 0 || n <= 0 {
			return entries, nil
		} // all of them vanished meanwhile
	}
}

func (d *directory) sorted() ([]iofs.DirEntry, error) {
	entries, err := d.ReadDir(-1)
	slices.SortFunc(entries, func(a, b iofs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, err
}

// entries looks at each name below the directory itself: the path that led to
// it may lead elsewhere by now.
func (d *directory) entries(names []string) ([]iofs.DirEntry, error) {
	return onFile(d.f, func(fd int) ([]iofs.DirEntry, error) {
		all := make([]iofs.DirEntry, 0, len(names))
		for _, name := range names {
			i, err := d.view.info(fd, name, name)
			if errors.Is(err, syscall.ENOENT) {
				continue
			}
			if err != nil {
				return all, pathError("lstat", path.Join(d.path, name), err)
			}
			all = append(all, iofs.FileInfoToDirEntry(i))
		}
		return all, nil
	})
}

// onFile calls do with a descriptor that stays open meanwhile.
func onFile[T any](f *os.File, do func(fd int) (T, error)) (result T, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return result, err
	}
	ctlErr := conn.Control(func(fd uintptr) { result, err = do(int(fd)) })
	return result, cmp.Or(ctlErr, err)
}

// info is what the kernel tells of a file, with owners as inside.
type info struct {
	view *FS
	name string
	stat *syscall.Stat_t
}

func (v *FS) info(dir int, at, name string) (*info, error) {
	st, err := sys.SyscallStat(dir, at)
	if err != nil {
		return nil, err
	}
	st.Uid, st.Gid = v.ids.Inside.shown(st.Uid, st.Gid)
	return &info{v, name, st}, nil
}

// Name is the last component.
func (i *info) Name() string { return i.name }

// Size is the length in bytes.
func (i *info) Size() int64 { return i.stat.Size }

// Mode is type and permissions.
func (i *info) Mode() iofs.FileMode { return fileMode(i.stat.Mode) }

// ModTime is when the content was last changed.
func (i *info) ModTime() time.Time { return time.Unix(i.stat.Mtim.Unix()) }

// IsDir tells whether it is a directory.
func (i *info) IsDir() bool { return i.Mode().IsDir() }

// Sys is a *syscall.Stat_t with owners as inside.
func (i *info) Sys() any { return i.stat }

// String shows the information in one line.
func (i *info) String() string { return iofs.FormatFileInfo(i) }
