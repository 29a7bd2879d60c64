package logs

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// piece is one file of a log, held open. As long as it is, no other file can be
// taken for it, whatever it is renamed to, packed or removed.
type piece struct {
	file   *os.File
	info   fs.FileInfo
	header *packedHeader // nil for a plain file
	number int           // which it was when it was last looked for
}

// open opens the file with a number, plain before packed; the error matches
// fs.ErrNotExist when there is neither.
func (b base) open(n int) (*piece, error) {
	p, err := openPiece(b.plain(n), n, false)
	if n > 0 && errors.Is(err, fs.ErrNotExist) {
		return openPiece(b.packed(n), n, true)
	}
	return p, err
}

func openPiece(path string, n int, packed bool) (_ *piece, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	p := &piece{file: f, number: n}
	if p.info, err = f.Stat(); err != nil {
		return nil, err
	}
	if !p.info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file: %w", path, fs.ErrInvalid)
	}
	if packed {
		p.header, err = readHeader(f)
	}
	return p, err
}

func (p *piece) close() error {
	if p == nil {
		return nil
	}
	return p.file.Close()
}

// readHeader reads the header of a packed file, which another program may have
// made.
func readHeader(f *os.File) (*packedHeader, error) {
	z, err := gzip.NewReader(bufio.NewReader(io.NewSectionReader(f, 0, 1<<17)))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	var h packedHeader
	if err := json.Unmarshal(z.Extra, &h); err != nil {
		h = packedHeader{} // of another program
	}
	return &h, nil
}

// packedOf tells whether a packed piece may be made from a plain one: another
// file may have had the same identity before it was removed.
func packedOf(p, plain *piece) bool {
	return p.header != nil && plain.header == nil && p.header.Origin != "" && p.header.Origin == fileID(plain.info)
}

// isAt tells whether a piece has a number now.
func (b base) isAt(p *piece, n int) bool {
	if info, err := os.Lstat(b.plain(n)); err == nil && os.SameFile(info, p.info) {
		return true
	}
	if n == 0 {
		return false
	}
	info, err := os.Lstat(b.packed(n))
	if err != nil {
		return false
	}
	if p.header != nil {
		return os.SameFile(info, p.info)
	}
	q, err := openPiece(b.packed(n), n, true)
	if err != nil {
		return false
	}
	defer q.file.Close()
	return packedOf(q, p)
}
