package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sandkit/sandkit/image/store"
)

// A Consumer uses layers while they are downloaded.
type Consumer = store.Consumer

// feed hands a blob to a consumer. A nil feed does nothing.
type feed struct {
	w     *io.PipeWriter
	done  chan struct{} // closed when Feed has returned
	err   error         // what Feed has returned
	stop  func() bool
	ended bool // Feed has enough
}

// startFeed begins to feed, if somebody is to be fed.
func (d *download) startFeed(ctx context.Context) *feed {
	if d.feeder == nil || d.layer == nil {
		return nil
	}
	r, w := io.Pipe()
	f := &feed{w: w, done: make(chan struct{})}
	f.stop = context.AfterFunc(ctx, func() { _ = w.CloseWithError(context.Cause(ctx)) }) // it never fails
	go func() {
		defer close(f.done)
		f.err = d.feeder.Feed(ctx, d.layer, r)
		_ = r.Close() // it never fails
	}()
	return f
}

// begin hands over what is on the disk.
func (f *feed) begin(w *store.Writer) error {
	if f == nil || w.Offset() == 0 {
		return nil
	}
	_, err := io.CopyBuffer(feedWriter{f}, io.NewSectionReader(w, 0, w.Offset()), make([]byte, copySize))
	if err != nil {
		return finalError{fmt.Errorf("read what is there: %w", err)}
	}
	return nil
}

type feedWriter struct{ f *feed }

func (w feedWriter) Write(b []byte) (int, error) { return len(b), w.f.write(b) }

// write hands bytes over. The error is the consumer's.
func (f *feed) write(b []byte) error {
	if f == nil || f.ended {
		return nil
	}
	_, err := f.w.Write(b)
	if err == nil {
		return nil
	}
	if !errors.Is(err, io.ErrClosedPipe) {
		return err // the context has ended
	}
	<-f.done
	f.ended = true
	if f.err != nil {
		return finalError{f.err}
	}
	return nil
}

// finish tells the consumer how the download has ended, and waits for it.
func (f *feed) finish(err error) error {
	if f == nil {
		return err
	}
	defer f.stop()
	_ = f.w.CloseWithError(err) // nil is io.EOF; it never fails
	<-f.done
	if err == nil && f.err != nil {
		err = finalError{f.err}
	}
	return err
}
