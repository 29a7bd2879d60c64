package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"

	"github.com/sandkit/sandkit/internal/undo"
)

// ReadJSONFile reads a log of files from any process, also while it is written
// and its files are renamed and packed: each entry once, in its order. Lines that
// are no records, such as the last one of a killed writer, are left out.
//
// An error ends it, but for a [*DroppedError], which stands between two entries.
// Reading stops by itself at the last entry that was there when it began; when
// following, once the writer is gone, when Options.Until is over, or with the
// cause of the context's end. The error matches fs.ErrNotExist when there is no
// log, and errors.ErrUnsupported when following on a system without inotify. A
// follower takes one inotify instance, of which a user may have 128 unless
// fs.inotify.max_user_instances says otherwise.
func ReadJSONFile(ctx context.Context, path string, o Options) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		r := &fileReader{opts: o, yield: yield}
		err := r.run(ctx, path)
		if errors.Is(err, errEnough) {
			return
		}
		if err != nil {
			yield(Entry{}, fmt.Errorf("read log %s: %w", path, err))
		}
	}
}

// errEnough ends reading when all that was asked for is read.
var errEnough = errors.New("enough")

// fileReader reads one log.
type fileReader struct {
	base  base
	opts  Options
	yield func(Entry, error) bool

	at      *piece // that is being read
	lines   lineReader
	pos     *countingReader // in at; its entries, when they are packed
	end     *piece          // where to stop, when not following
	size    int64           // of end
	watch   *watch          // when following
	watched bool            // at is the file that is watched
	born    int64           // how often a file got the log's name before at did; -1: not known
}

func (r *fileReader) run(ctx context.Context, path string) (err error) {
	if err := r.opts.Validate(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	r.base = base(path)
	defer func() {
		var errs undo.Errors
		errs.Add(r.at.close())
		if r.end != r.at {
			errs.Add(r.end.close())
		}
		if r.watch != nil {
			errs.Add(r.watch.close())
		}
		if err == nil {
			err = errs.Err()
		}
	}()
	if r.opts.Follow {
		if r.watch, err = openWatch(r.base); err != nil {
			return err
		}
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	if r.opts.Follow {
		return r.follow(ctx)
	}
	return r.drain(ctx)
}

// moveTo makes p the piece to read.
func (r *fileReader) moveTo(p *piece) error {
	old := r.at
	r.at, r.watched, r.born = p, false, r.birth(p)
	if old != r.end {
		return old.close()
	}
	return nil
}

// birth gives how often a file got the log's name before p did, as far as the
// watch has seen; -1 when p has it no more. The watch tells of no change then that
// was before: all has to be read once more before waiting.
func (r *fileReader) birth(p *piece) int64 {
	if r.watch == nil || p.number > 0 {
		return -1
	}
	times := r.watch.renamed()
	if !r.base.isAt(p, 0) {
		return -1
	}
	return times
}

// follows tells whether next came right after the piece, which was removed. A log
// of one file has no other in which that could be seen.
func (r *fileReader) follows(next *piece) bool {
	born := r.birth(next)
	return born > 0 && r.born >= 0 && born == r.born+1
}

// start reads from an offset of the piece on.
func (r *fileReader) start(offset int64) error {
	var src io.Reader = r.at.file
	if r.at.header == nil {
		if _, err := r.at.file.Seek(offset, io.SeekStart); err != nil {
			return err
		}
	} else {
		var err error
		if src, err = r.at.unpack(); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, src, offset); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	if r.isEnd() && r.size >= 0 {
		src = io.LimitReader(src, r.size-offset)
	}
	r.pos = &countingReader{r: src, n: offset}
	r.lines.reset(r.pos)
	return nil
}

// isEnd tells whether the piece is the last one to read.
func (r *fileReader) isEnd() bool { return r.end != nil && r.base.same(r.at, r.end) }

// drain reads all that is there.
func (r *fileReader) drain(ctx context.Context) error {
	for {
		settled, err := r.settled()
		if err != nil {
			return err
		}
		if err := r.readLines(ctx); err != nil {
			return err
		}
		if !settled {
			continue // what was written in between was not seen
		}
		if more, err := r.advance(ctx); err != nil || !more {
			return err
		}
	}
}

// settled makes sure that a change of the piece is told, when following; it is
// false when the piece has to be read once more.
func (r *fileReader) settled() (bool, error) {
	if r.watch == nil || r.watched || !r.base.isAt(r.at, 0) {
		return true, nil // what is not the youngest does not change
	}
	if err := r.watch.addFile(r.base.plain(0)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	r.watched = r.base.isAt(r.at, 0)
	return r.watched, nil
}

// readLines gives the entries of the piece.
func (r *fileReader) readLines(ctx context.Context) error {
	if r.at.header == nil && r.watch != nil {
		// Somebody may have emptied it: then it begins anew.
		if info, err := r.at.file.Stat(); err == nil && info.Size() < r.pos.n {
			if err := r.start(0); err != nil {
				return err
			}
		}
	}
	for n := 0; ; n++ {
		if n%64 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line, err := r.lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		e, err := decodeRecord(line)
		if err != nil {
			continue
		}
		if r.opts.past(&e) {
			return errEnough
		}
		if r.opts.wants(&e) && !r.yield(e, nil) {
			return errEnough
		}
	}
}

// advance goes on to the next piece; false when there is none.
func (r *fileReader) advance(ctx context.Context) (bool, error) {
	if r.isEnd() {
		return false, nil
	}
	next, lost, err := r.base.newer(r.at)
	if err != nil || next == nil {
		return false, err
	}
	// Now nobody writes to the piece any more, but somebody may have since it was
	// read.
	err = r.readLines(ctx)
	if err == nil && lost && !r.follows(next) && !r.yield(Entry{}, &DroppedError{Lines: -1, Bytes: -1}) {
		err = errEnough
	}
	if err != nil {
		return false, errors.Join(err, next.close())
	}
	if lost && r.end != nil {
		// The rest may be younger than all that is to be read.
		if err := next.close(); err != nil {
			return false, err
		}
		next = r.end
	}
	if err := r.moveTo(next); err != nil {
		return false, err
	}
	return true, r.start(0)
}
