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

// locate gives the number of a piece; false when it was removed. It looks
// upwards, as files are renamed, so that it meets the piece on its way, and before
// an older file that had the same identity when it was packed.
func (b base) locate(p *piece) (bool, error) {
	// Only a listing of the directory, which misses what is renamed meanwhile,
	// or a name that was given back, make it look again.
	for from, tries := p.number, 0; tries < 10; from, tries = 0, tries+1 {
		for n, oldest := from, -1; ; n++ {
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
			if n > oldest {
				break
			}
		}
		if unlinked(p.file) {
			break
		}
	}
	return false, nil
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
		q, err := b.from(p.number + 1)
		if err != nil {
			return nil, err
		}
		// Nothing was renamed meanwhile if p is where it was.
		if b.isAt(p, p.number) {
			return q, nil
		}
		q.close() //nolint:errcheck // it was not even read
	}
}

// from opens the youngest piece of those with a number from n on; nil when there
// is none. While files are renamed some numbers are free for a moment, but looking
// upwards meets the piece on its way.
func (b base) from(n int) (*piece, error) {
	for oldest := -1; ; n++ {
		p, err := b.open(n)
		if !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
		if n <= oldest {
			continue
		}
		if oldest, err = b.oldest(); err != nil {
			return nil, err
		}
		if n > oldest {
			return nil, nil
		}
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
		n := p.number
		for q = nil; n > 0 && q == nil; {
			n--
			if q, err = b.open(n); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, false, err
			}
		}
		if q == nil {
			n = -1
		}
		// A name that was free may have been taken by the piece in question right
		// after it was looked at. Upwards, it is met.
		if !b.anyBetween(n, p.number) && b.isAt(p, p.number) {
			return q, false, nil
		}
		q.close() //nolint:errcheck // it was not even read
	}
}

// anyBetween tells whether there is a file with a number above m and below n.
func (b base) anyBetween(m, n int) bool {
	for k := m + 1; k < n; k++ {
		_, plain := os.Lstat(b.plain(k))
		_, packed := os.Lstat(b.packed(k))
		if plain == nil || packed == nil {
			return true
		}
	}
	return false
}

// first opens the oldest piece; nil when there is none.
func (b base) first() (*piece, error) {
	p, err := b.last()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for err == nil {
		var q *piece
		if q, err = b.older(p); q == nil {
			break
		}
		err = p.close()
		p = q
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// last opens the youngest piece. The error matches fs.ErrNotExist when there is
// none.
func (b base) last() (*piece, error) {
	p, err := b.from(0)
	if err == nil && p == nil {
		err = &fs.PathError{Op: "open", Path: string(b), Err: fs.ErrNotExist}
	}
	return p, err
}
