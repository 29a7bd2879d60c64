package erofs

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"
)

// Options of a Writer. The zero value is right for images to be mounted.
type Options struct {
	// BlockSize is a power of two from 512 to 65536, 4096 if it is 0. Linux needs
	// the size of its pages until 6.4, and not more than that since then.
	BlockSize int
	// MaxBytes limits the image's size; 0 is the format's limit, 16 TiB with
	// blocks of 4096 bytes. What passes it fails with an [image.LimitError], at
	// the latest in Finish; by then up to 128 KiB more may have been written.
	MaxBytes int64
	// UUID and VolumeName, 16 bytes at most, are only for display.
	UUID       [16]byte
	VolumeName string
}

// Writer writes an image. The files are made first, by its methods, and get
// names in directories, in any order; Finish completes the image. An image
// that is not finished has no superblock and cannot be mounted.
//
// After a failed write the image cannot be completed: all further calls return
// the same error. A Writer is not safe for concurrent use.
type Writer struct {
	stream  stream
	inodes  chunk
	options Options
	count   uint32 // of inodes
	tail    []byte // of the file that is being added
	err     error
}

// NewWriter makes a writer of an image that begins at offset 0 of w. What w
// has there must read as zeros, as in a new file, because long runs of zeros
// are not written. Wrong options are reported by the first call. The Writer
// keeps 1 MiB of w's content in memory, and does not close w.
func NewWriter(w io.WriterAt, o Options) *Writer {
	if o.BlockSize == 0 {
		o.BlockSize = 4096
	}
	wr := &Writer{options: o}
	if b := bits.TrailingZeros(uint(o.BlockSize)); bits.OnesCount(uint(o.BlockSize)) != 1 || b < minBlockBits || b > maxBlockBits {
		wr.err = badInput("block size", strconv.Itoa(o.BlockSize), "not a power of two from 512 to 65536")
		return wr
	}
	limit := int64(maxBlocks) * int64(o.BlockSize)
	switch {
	case o.MaxBytes < 0:
		wr.fail(badInput("limit", strconv.FormatInt(o.MaxBytes, 10), "negative"))
	case o.MaxBytes > 0:
		limit = min(limit, o.MaxBytes)
	}
	if len(o.VolumeName) > volumeNameLen {
		wr.fail(tooLong("volume name", o.VolumeName, "length", volumeNameLen, len(o.VolumeName)))
	}
	wr.stream = stream{w: w, buf: make([]byte, windowSize), block: o.BlockSize, limit: limit}
	wr.inodes.s = &wr.stream
	wr.fail(wr.stream.zero(int64(max(headerSize, o.BlockSize))))
	return wr
}

// fail keeps the first error.
func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Size is the image's size until now, with what is not written out yet; after
// Finish, that of the whole image.
func (w *Writer) Size() int64 { return w.stream.end() }

// File makes a regular file. It reads content, which may be nil, to its end,
// and writes it to the image. If content fails, there is no file, but the
// Writer can still be used; what was read takes space.
func (w *Writer) File(a Attr, content io.Reader) (*Node, error) {
	xattrs, err := w.begin(a)
	if err != nil {
		return nil, err
	}
	e := a.inode(typeRegular)
	if content == nil {
		return w.add(&e, xattrs, nil)
	}
	return w.content(&e, xattrs, content)
}

// Symlink makes a symbolic link. Its target is not empty, has no NUL and at
// most 4095 bytes. Its permissions should be 0777, which nobody asks for.
func (w *Writer) Symlink(a Attr, target string) (*Node, error) {
	switch {
	case target == "" || strings.Contains(target, "\x00"):
		return nil, badInput("symbolic link", target, "not a target")
	case len(target) > maxLink:
		return nil, tooLong("symbolic link", target, "length", maxLink, len(target))
	}
	xattrs, err := w.begin(a)
	if err != nil {
		return nil, err
	}
	e := a.inode(typeSymlink)
	return w.content(&e, xattrs, strings.NewReader(target))
}

// Special makes a file of type S_IFCHR, S_IFBLK, S_IFIFO or S_IFSOCK; only the
// first two have a device, up to 4095 and 1048575. The character device 0, 0
// is what overlayfs takes for a name that is no longer there.
func (w *Writer) Special(a Attr, typ, major, minor uint32) (*Node, error) {
	device := typ == typeChar || typ == typeBlock
	switch {
	case !device && typ != typeFIFO && typ != typeSocket:
		return nil, badInput("type", "0"+strconv.FormatUint(uint64(typ), 8), "not that of a special file")
	case major > maxMajor || minor > maxMinor || !device && major|minor != 0:
		return nil, badInput("device", fmt.Sprintf("%d:%d", major, minor), "no such number")
	}
	xattrs, err := w.begin(a)
	if err != nil {
		return nil, err
	}
	e := a.inode(typ)
	e.where = minor&0xff | major<<8 | minor>>8<<20
	return w.add(&e, xattrs, nil)
}

// Dir makes an empty directory.
func (w *Writer) Dir() *Node {
	return &Node{w: w, typ: typeDir, dir: &directory{attr: Attr{Mode: 0o755}}}
}

// begin checks whether a file with these attributes can be made.
func (w *Writer) begin(a Attr) (xattrs []byte, err error) {
	if w.err != nil {
		return nil, w.err
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	return encodeXattrs(a.Xattrs)
}

// content streams a file's content into blocks, and its end, if there is room,
// behind its inode.
func (w *Writer) content(e *extended, xattrs []byte, r io.Reader) (*Node, error) {
	s := &w.stream
	begin := s.end()
	readErr, err := s.copy(r)
	if err != nil {
		w.fail(err)
		return nil, err
	}
	size := s.end() - begin
	rest := int(size % int64(s.block))
	e.size = uint64(size)
	var tail []byte
	if readErr == nil && rest > 0 && extendedSize+len(xattrs)+rest <= s.block {
		e.layout = layoutInline
		tail = s.buf[s.n-rest : s.n]
		s.n -= rest
	}
	if size > int64(len(tail)) {
		e.where = uint32(begin / int64(s.block))
	}
	if tail != nil {
		// The inode may need space in the window, where the tail still is.
		w.tail = append(w.tail[:0], tail...)
		return w.add(e, xattrs, w.tail)
	}
	if err := s.align(); err != nil {
		w.fail(err)
		return nil, err
	}
	if readErr != nil {
		return nil, readErr
	}
	return w.add(e, xattrs, nil)
}

// add makes the inode of a file that is no directory.
func (w *Writer) add(e *extended, xattrs, tail []byte) (*Node, error) {
	w.count++
	e.ino, e.xattrSize = w.count, len(xattrs)
	at, err := w.inodes.add(e, xattrs, tail)
	if err != nil {
		w.fail(err)
		return nil, err
	}
	return &Node{w: w, at: at, typ: uint32(e.mode) & typeMask}, nil
}

// copy reads r to its end.
func (s *stream) copy(r io.Reader) (readErr, writeErr error) {
	idle := 0
	for {
		free, err := s.room()
		if err != nil {
			return nil, err
		}
		n, readErr := r.Read(free)
		if n < 0 || n > len(free) {
			return errors.New("read content: impossible count"), nil
		}
		if err := s.check(int64(n)); err != nil {
			return nil, err
		}
		s.n += n
		switch {
		case readErr == io.EOF:
			return nil, nil
		case readErr != nil:
			return fmt.Errorf("read content: %w", readErr), nil
		case n > 0:
			idle = 0
		case idle > 100:
			return fmt.Errorf("read content: %w", io.ErrNoProgress), nil
		default:
			idle++
		}
	}
}
