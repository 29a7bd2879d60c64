package erofs

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"math"
	"sync/atomic"
)

// Reader gives the files of an image. It is an [io/fs.FS] with symbolic links
// and may be used by several goroutines at once, if the underlying reader may.
//
// Paths are those of io/fs, but need not be UTF-8. Symbolic links are followed
// inside the image, with its root as "/", by all methods but Lstat and
// ReadLink. Errors are [io/fs.PathError]s; those about what is wrong in the
// image match [image.ErrInvalid].
type Reader struct {
	src       io.ReaderAt
	size      int64
	block     int64
	meta      int64 // where inode 0 is
	xattr     int64 // where shared attributes are
	root      uint64
	built     int64 // the time of files that have none
	builtNsec uint32
	last      atomic.Pointer[found] // the directory that was listed last
}

var (
	_ iofs.ReadDirFS  = (*Reader)(nil)
	_ iofs.StatFS     = (*Reader)(nil)
	_ iofs.ReadLinkFS = (*Reader)(nil)
	_ iofs.ReadFileFS = (*Reader)(nil)
)

// Open reads the superblock of an image of that many bytes. The Reader reads
// from r as long as it is used.
func Open(r io.ReaderAt, size int64) (*Reader, error) {
	b := make([]byte, superSize)
	if size < superOffset+superSize {
		return nil, malformed("only %d bytes", size)
	}
	if err := readFull(r, b, superOffset); err != nil {
		return nil, err
	}
	var sb super
	if magic := sb.get(b); magic != superMagic {
		return nil, malformed("magic number is %#x", magic)
	}
	if sb.blockBits < minBlockBits || sb.blockBits > maxBlockBits {
		return nil, malformed("blocks of 2^%d bytes", sb.blockBits)
	}
	if sb.incompat&^incompatZeroPadding != 0 {
		return nil, malformed("features %#x: %w", sb.incompat, errors.ErrUnsupported)
	}
	block := int64(1) << sb.blockBits
	if int64(sb.blocks) > size/block {
		return nil, malformed("%d blocks in %d bytes", sb.blocks, size)
	}
	if sb.compat&compatChecksum != 0 {
		if err := verifySuper(r, size, int(block)); err != nil {
			return nil, err
		}
	}
	fs := &Reader{
		src: r, size: size, block: block, root: uint64(sb.rootNID),
		built: int64(sb.buildTime), builtNsec: sb.buildNsec,
		meta: int64(sb.metaBlock) * block, xattr: int64(sb.xattrBlock) * block,
	}
	root, err := fs.inode(fs.root)
	if err != nil {
		return nil, fmt.Errorf("root: %w", err)
	}
	if !root.isDir() {
		return nil, malformed("root is no directory")
	}
	return fs, nil
}

func verifySuper(r io.ReaderAt, size int64, block int) error {
	b := make([]byte, checksumSize(block))
	if int64(superOffset+len(b)) > size {
		return malformed("only %d bytes", size)
	}
	if err := readFull(r, b, superOffset); err != nil {
		return err
	}
	want := le.Uint32(b[4:])
	clear(b[4:8])
	if got := checksum(b); got != want {
		return malformed("checksum of the superblock is %#x, not %#x", got, want)
	}
	return nil
}

// readFull reads what the image must have.
func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read image: %w", err)
}

// read reads bytes of the image at any place.
func (fs *Reader) read(b []byte, at int64) error {
	if at < 0 || at > fs.size || int64(len(b)) > fs.size-at {
		return malformed("%d bytes at %d are not in it", len(b), at)
	}
	return readFull(fs.src, b, at)
}

// Open opens a file. What it gives has Seek and ReadAt if it is regular, and
// is an [io/fs.ReadDirFile] if it is a directory. Files of other types have no
// content. Close releases nothing.
func (fs *Reader) Open(name string) (iofs.File, error) {
	f, err := fs.find("open", name, true)
	if err != nil {
		return nil, err
	}
	i, err := fs.info(f.node, base(name))
	if err != nil {
		return nil, &iofs.PathError{Op: "open", Path: name, Err: err}
	}
	if f.node.isDir() {
		return &openDir{fs: fs, found: f, info: i}, nil
	}
	var size int64
	if f.node.isRegular() {
		size = f.node.size
	}
	return &openFile{SectionReader: io.NewSectionReader(&content{fs, f.node}, 0, size), info: i}, nil
}

// ReadFile gives the content of a regular file.
func (fs *Reader) ReadFile(name string) ([]byte, error) {
	f, err := fs.find("read", name, true)
	if err != nil {
		return nil, err
	}
	if !f.node.isRegular() {
		return nil, &iofs.PathError{Op: "read", Path: name, Err: errors.New("not a regular file")}
	}
	if f.node.size > math.MaxInt {
		return nil, &iofs.PathError{Op: "read", Path: name, Err: errors.New("larger than memory can be")}
	}
	b := make([]byte, f.node.size)
	if err := fs.readContent(f.node, b, 0); err != nil {
		return nil, &iofs.PathError{Op: "read", Path: name, Err: err}
	}
	return b, nil
}

// Stat describes a file. Its Sys gives a *[Stat].
func (fs *Reader) Stat(name string) (iofs.FileInfo, error) { return fs.stat("stat", name, true) }

// Lstat is like Stat, but does not follow a symbolic link at the end of the
// path.
func (fs *Reader) Lstat(name string) (iofs.FileInfo, error) { return fs.stat("lstat", name, false) }

func (fs *Reader) stat(op, name string, follow bool) (iofs.FileInfo, error) {
	f, err := fs.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	i, err := fs.info(f.node, base(name))
	if err != nil {
		return nil, &iofs.PathError{Op: op, Path: name, Err: err}
	}
	return i, nil
}

// ReadLink gives the target of a symbolic link.
func (fs *Reader) ReadLink(name string) (string, error) {
	f, err := fs.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	target, err := fs.target(f.node)
	if err != nil {
		return "", &iofs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return target, nil
}

// ReadDir lists a directory in the order of the names' bytes. It checks that
// directories make a tree: walking the whole image comes to an end.
func (fs *Reader) ReadDir(name string) ([]iofs.DirEntry, error) {
	f, err := fs.find("readdir", name, true)
	if err == nil {
		var list []iofs.DirEntry
		if list, err = fs.list(f); err == nil {
			return list, nil
		}
		err = &iofs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return nil, err
}
