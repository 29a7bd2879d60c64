package logs

import (
	"sync"
	"time"
)

// A Writer is an io.WriteCloser that logs one stream: what is written to it is
// split and given to a driver, all lines of one call at once. Several Writers
// may share a driver. It is safe for concurrent use.
type Writer struct {
	driver Driver

	mu       sync.Mutex
	splitter *Splitter // nil once it is closed
}

// NewWriter makes a Writer that takes the time from now. The driver stays the
// caller's, who closes it after the Writer.
func NewWriter(d Driver, stream Stream, now func() time.Time) *Writer {
	return &Writer{driver: d, splitter: NewSplitter(stream, now)}
}

// Write logs the lines that p completes. After an error of the driver, what p
// holds is lost to the log, and the Writer can be used on.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.splitter == nil {
		return 0, ErrClosed
	}
	if entries := w.splitter.Write(p); len(entries) > 0 {
		if err := LogAll(w.driver, entries); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Close logs what is left of an unfinished line. Closing again does nothing.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.splitter == nil {
		return nil
	}
	e, ok := w.splitter.Flush()
	w.splitter = nil
	if !ok {
		return nil
	}
	return w.driver.Log(e)
}
