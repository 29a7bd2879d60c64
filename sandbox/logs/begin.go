package logs

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
)

// begin finds the first entry to read.
func (r *fileReader) begin(ctx context.Context) error {
	last, err := r.base.last()
	if err != nil {
		return err
	}
	r.at, r.born = last, r.birth(last)
	if !r.opts.Follow {
		r.end, r.size = last, last.info.Size()
		if last.header != nil {
			r.size = -1 // it does not grow: all of it
		}
	}
	n, all := r.opts.Tail, r.opts.Tail < 0
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		var offset int64
		if !all {
			var found int
			if offset, found, err = r.tail(r.at, n); err != nil {
				return err
			}
			if n -= found; n == 0 {
				return r.start(offset)
			}
		}
		prev, err := r.base.older(r.at)
		if err != nil {
			return err
		}
		if prev == nil || r.tooOld(prev) {
			return errors.Join(prev.close(), r.start(0))
		}
		if err := r.moveTo(prev); err != nil {
			return err
		}
	}
}

// tooOld tells whether all of a packed file is too old.
func (r *fileReader) tooOld(p *piece) bool {
	return p.header != nil && !p.header.LastTime.IsZero() && p.header.LastTime.Before(r.opts.Since)
}

// tail finds the last n entries of a piece that are wanted.
func (r *fileReader) tail(p *piece, n int) (offset int64, found int, err error) {
	match := func(line []byte) bool {
		e, err := decodeRecord(line)
		return err == nil && r.opts.wants(&e)
	}
	if p.header == nil {
		return tailOffset(p.file, p.info.Size(), n, match)
	}
	src, err := p.unpack()
	if err != nil {
		return 0, 0, err
	}
	return tailStream(src, n, match)
}

// unpack reads a packed piece from its beginning.
func (p *piece) unpack() (io.Reader, error) {
	return gzip.NewReader(bufio.NewReaderSize(io.NewSectionReader(p.file, 0, 1<<62), readSize))
}
