package erofs

import (
	"io"
	iofs "io/fs"
)

// content reads a file at any offset below its size.
type content struct {
	fs   *Reader
	node *inode
}

// ReadAt is that of io.ReaderAt.
func (c *content) ReadAt(b []byte, off int64) (int, error) {
	n := int(max(0, min(int64(len(b)), c.node.size-off)))
	if err := c.fs.readContent(c.node, b[:n], off); err != nil {
		return 0, err
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// openFile is a file that is no directory.
type openFile struct {
	*io.SectionReader
	info *info
}

// Stat describes the file as it was opened.
func (f *openFile) Stat() (iofs.FileInfo, error) { return f.info, nil }

// Close does nothing.
func (f *openFile) Close() error { return nil }

// openDir is a directory.
type openDir struct {
	fs    *Reader
	found *found
	info  *info
	rest  []iofs.DirEntry
	begun bool
}

// Stat describes the directory.
func (d *openDir) Stat() (iofs.FileInfo, error) { return d.info, nil }

// Close does nothing.
func (d *openDir) Close() error { return nil }

// Read fails: a directory has no content.
func (d *openDir) Read([]byte) (int, error) {
	return 0, &iofs.PathError{Op: "read", Path: d.info.name, Err: iofs.ErrInvalid}
}

// ReadDir gives the next n entries, or all if n is not positive.
func (d *openDir) ReadDir(n int) ([]iofs.DirEntry, error) {
	if !d.begun {
		list, err := d.fs.list(d.found)
		if err != nil {
			return nil, &iofs.PathError{Op: "readdir", Path: d.info.name, Err: err}
		}
		d.rest, d.begun = list, true
	}
	if n <= 0 {
		n = len(d.rest)
	} else if len(d.rest) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.rest))
	list := d.rest[:n:n]
	d.rest = d.rest[n:]
	return list, nil
}
