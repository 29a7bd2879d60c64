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
	number int           // which it was when it was last looked for; it only grows
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
	h := &packedHeader{}
	if json.Unmarshal(z.Extra, h) != nil {
		return &packedHeader{}, nil
	}
	return h, nil
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

// locate gives the number of a piece; false when it was removed. It looks
// upwards, as files are renamed, so that it meets the piece on its way, and before
// an older file that had the same identity when it was packed.
func (b base) locate(p *piece) (bool, error) {
	for n, oldest := p.number, -1; ; n++ {
		if b.isAt(p, n) {
			p.number = n
			return true, nil
		}
		if n <= oldest {
			continue
		}
		var err error
		if oldest, err = b.oldest(); err != nil {
			return false, err
		}
		if n <= oldest {
			continue
		}
		if unlinked(p.file) {
			return false, nil
		}
		n, oldest = p.number-1, -1 // a listing misses what is renamed meanwhile
	}
}

// same tells whether p is what has become of q.
func (b base) same(p, q *piece) bool {
	if os.SameFile(p.info, q.info) {
		return true
	}
	for packedOf(p, q) {
		found, err := b.locate(q)
		if err != nil || !found {
			return false
		}
		same := b.isAt(p, q.number)
		if b.isAt(q, q.number) {
			return same
		}
	}
	return false
}

// older opens the piece before p; nil when there is none.
func (b base) older(p *piece) (*piece, error) {
	for {
		found, err := b.locate(p)
		if err != nil || !found {
			return nil, err
		}
		oldest, err := b.oldest()
		if err != nil {
			return nil, err
		}
		var q *piece
		for n := p.number + 1; n <= oldest+1 && q == nil; n++ {
			if q, err = b.open(n); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
		// Nothing was renamed meanwhile if p is where it was.
		if b.isAt(p, p.number) {
			return q, nil
		}
		q.close() //nolint:errcheck // it was not even read
	}
}

// newer opens the piece after p; nil when there is none yet. When p was removed,
// what came right after it may be gone, too: lost says so, and q is the oldest.
func (b base) newer(p *piece) (q *piece, lost bool, err error) {
	for {
		found, err := b.locate(p)
		if err != nil {
			return nil, false, err
		}
		if !found {
			q, err := b.first()
			return q, q != nil, err
		}
		for n := p.number - 1; n >= 0 && q == nil; n-- {
			if q, err = b.open(n); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, false, err
			}
		}
		if b.isAt(p, p.number) {
			return q, false, nil
		}
		q.close() //nolint:errcheck // it was not even read
		q = nil
	}
}

// first opens the oldest piece; nil when there is none.
func (b base) first() (*piece, error) {
	oldest, err := b.oldest()
	if err != nil {
		return nil, err
	}
	for n := oldest; n >= 0; n-- {
		q, err := b.open(n)
		if !errors.Is(err, fs.ErrNotExist) {
			return q, err
		}
	}
	return nil, nil
}

// last opens the youngest piece. The error matches fs.ErrNotExist when there is
// none. While files are renamed there may be none at any name for a moment, but
// one that is looked for upwards is met.
func (b base) last() (*piece, error) {
	oldest, err := b.oldest()
	if err != nil {
		return nil, err
	}
	for n := 0; n <= oldest+1; n++ {
		p, err := b.open(n)
		if !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
	}
	return nil, &fs.PathError{Op: "open", Path: string(b), Err: fs.ErrNotExist}
}
