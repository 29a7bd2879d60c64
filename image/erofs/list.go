package erofs

import (
	"bytes"
	iofs "io/fs"
)

// diskEntry is a name as a directory has it.
type diskEntry struct {
	name []byte
	nid  uint64
	typ  uint8
}

// parseBlock gives the names in a block of a directory.
func parseBlock(b []byte) ([]diskEntry, error) {
	if len(b) < direntSize {
		return nil, malformed("block of a directory of %d bytes", len(b))
	}
	first := int(le.Uint16(b[8:]))
	if first < direntSize || first%direntSize != 0 || first >= len(b) {
		return nil, malformed("names of a directory begin at %d", first)
	}
	list := make([]diskEntry, first/direntSize)
	begin := first
	for i := range list {
		d := b[i*direntSize:]
		end := len(b)
		last := i == len(list)-1
		if !last {
			end = int(le.Uint16(d[direntSize+8:]))
		}
		if end <= begin || end > len(b) {
			return nil, malformed("name of a directory from %d to %d", begin, end)
		}
		name := b[begin:end]
		if nul := bytes.IndexByte(name, 0); nul >= 0 && last {
			name = name[:nul]
		}
		if len(name) == 0 || len(name) > maxName || bytes.ContainsAny(name, "/\x00") {
			return nil, malformed("%q in a directory", name)
		}
		list[i] = diskEntry{name, le.Uint64(d), d[10]}
		begin = end
	}
	return list, nil
}

// dirBlock reads and parses one block of a directory into b, which has a
// block's size.
func (fs *Reader) dirBlock(n *inode, b []byte, i int64) ([]diskEntry, error) {
	at := i * fs.block
	b = b[:min(fs.block, n.size-at)]
	if err := fs.readContent(n, b, at); err != nil {
		return nil, err
	}
	return parseBlock(b)
}

func (fs *Reader) dirBlocks(n *inode) int64 { return roundUp(n.size, fs.block) / fs.block }

// lookup finds a name in a directory.
func (fs *Reader) lookup(dir *inode, name string) (nid uint64, ok bool, err error) {
	b := make([]byte, fs.block)
	low, high := int64(0), fs.dirBlocks(dir)
	for low < high {
		mid := low + (high-low)/2
		list, err := fs.dirBlock(dir, b, mid)
		if err != nil {
			return 0, false, err
		}
		switch {
		case name < string(list[0].name):
			high = mid
		case name > string(list[len(list)-1].name):
			low = mid + 1
		default:
			for _, e := range list {
				if string(e.name) == name {
					return e.nid, true, nil
				}
			}
			return 0, false, nil
		}
	}
	return 0, false, nil
}

// list gives a directory's entries. The rules that it checks make any walk
// end: the names are sorted, so that no two directories can share blocks, and
// each is found only once, where its ".." says.
func (fs *Reader) list(f *found) ([]iofs.DirEntry, error) {
	var entries []iofs.DirEntry
	b := make([]byte, fs.block)
	dots := map[string]uint64{".": f.node.nid, "..": f.parent}
	subdirs := make(map[uint64]bool)
	before := ""
	for i := range fs.dirBlocks(f.node) {
		names, err := fs.dirBlock(f.node, b, i)
		if err != nil {
			return nil, err
		}
		for _, e := range names {
			name := string(e.name)
			if name <= before {
				return nil, malformed("directory is not sorted: %q after %q", name, before)
			}
			before = name
			isDir := modeType(e.typ) == iofs.ModeDir
			if nid, dot := dots[name]; dot {
				if nid != e.nid {
					return nil, malformed("%q of directory %d is inode %d", name, f.node.nid, e.nid)
				}
				delete(dots, name)
				continue
			}
			if isDir && (e.nid == fs.root || subdirs[e.nid]) {
				return nil, malformed("directory %q has two names", name)
			}
			if isDir {
				subdirs[e.nid] = true
			}
			entries = append(entries, &entry{fs: fs, name: name, nid: e.nid, typ: e.typ})
		}
	}
	if len(dots) > 0 {
		return nil, malformed("directory %d has no %q or %q", f.node.nid, ".", "..")
	}
	return entries, nil
}

// entry is a name that was listed.
type entry struct {
	fs   *Reader
	name string
	nid  uint64
	typ  uint8
}

// Name is the name in the directory.
func (e *entry) Name() string { return e.name }

// IsDir tells whether it is that of a directory.
func (e *entry) IsDir() bool { return e.Type().IsDir() }

// Type is the file's type.
func (e *entry) Type() iofs.FileMode { return modeType(e.typ) }

// String is for display.
func (e *entry) String() string { return iofs.FormatDirEntry(e) }

// Info describes the file; symbolic links are not followed.
func (e *entry) Info() (iofs.FileInfo, error) {
	n, err := e.fs.inode(e.nid)
	if err == nil && modeType(direntTypes[n.mode>>12]) != e.Type() {
		err = malformed("%q has another type in its directory", e.name)
	}
	var i *info
	if err == nil {
		i, err = e.fs.info(n, e.name)
	}
	if err != nil {
		return nil, &iofs.PathError{Op: "stat", Path: e.name, Err: err}
	}
	return i, nil
}
