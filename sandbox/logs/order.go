package logs

import (
	"errors"
	"io/fs"
	"os"
)

// The order of a log's files, while they are renamed, packed and removed. Nobody
// is locked out: what was found is checked again by what must not have changed.

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
