package logs

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"github.com/sandkit/sandkit/internal/sys"
)

// watch tells a follower when to look again.
type watch struct {
	changes *sys.FileWatch
	file    int      // the watch of the file that is written; 0 for none
	fifo    *os.File // nil when there never was a writer
	gone    atomic.Bool
	reading sync.WaitGroup
}

// openWatch watches a log's directory and its writer.
func openWatch(b base) (_ *watch, err error) {
	w := &watch{}
	if w.changes, err = sys.NewFileWatch(); err != nil {
		return nil, err
	}
	if _, err := w.changes.AddName(string(b)); err != nil {
		return nil, errors.Join(err, w.changes.Close())
	}
	w.fifo, err = openFIFO(b.lock(), os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		w.gone.Store(true)
		return w, nil
	}
	if err != nil {
		return nil, errors.Join(err, w.changes.Close())
	}
	w.reading.Go(w.awaitWriter)
	return w, nil
}

// awaitWriter returns when nobody has the FIFO's writing end any more, or w is
// closed.
func (w *watch) awaitWriter() {
	var buf [64]byte // a writer writes nothing; somebody else may have
	for {
		if _, err := w.fifo.Read(buf[:]); err != nil {
			break
		}
	}
	w.gone.Store(true)
	w.interrupt()
}

// writerGone tells whether nobody writes any more. What was written before is in
// the files.
func (w *watch) writerGone() bool { return w.gone.Load() }

// addFile watches the file at path instead of the one before it.
func (w *watch) addFile(path string) error {
	id, err := w.changes.AddFile(path)
	if err != nil {
		return err
	}
	old := w.file
	w.file = id
	if old != 0 && old != id {
		return w.changes.Remove(old)
	}
	return nil
}

// renamed gives how often a file got the log's name since the watch began; -1
// when that is not known.
func (w *watch) renamed() int64 {
	n, err := w.changes.Named()
	if err != nil {
		return -1
	}
	return n
}

// wait returns when there may be something new, and from an interrupt on at once.
func (w *watch) wait() error {
	if err := w.changes.Wait(); !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// interrupt ends wait. It fails when w is closed, and then nobody waits.
func (w *watch) interrupt() { _ = w.changes.Interrupt() }

func (w *watch) close() error {
	var err error
	if w.fifo != nil {
		err = w.fifo.Close()
		w.reading.Wait()
	}
	return errors.Join(err, w.changes.Close())
}
