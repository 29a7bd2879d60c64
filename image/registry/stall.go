package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// answerFactor is how many times the timeout a registry has for its answer
// when it got a whole upload, which it may have to copy.
const answerFactor = 5

// stallTransport gives up requests that stand still.
type stallTransport struct {
	base    http.RoundTripper
	timeout time.Duration
}

// RoundTrip sends a request. Time that this program takes, to write what it
// reads or to read what it sends, does not count.
func (t *stallTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	w := &watch{
		cancel: cancel, err: &StalledError{Host: req.URL.Host, For: t.timeout}, timeout: t.timeout,
		cause: func() error { return context.Cause(ctx) },
	}
	w.timer = time.AfterFunc(t.timeout, w.stalled)
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		body, getBody := req.Body, req.GetBody
		req.Body = &watchedUpload{body, w}
		if getBody != nil {
			req.GetBody = func() (io.ReadCloser, error) {
				b, err := getBody()
				return &watchedUpload{b, w}, err
			}
		}
	}
	resp, err := t.base.RoundTrip(req)
	w.answered.Store(true)
	w.timer.Stop()
	if err != nil {
		err = w.explain(err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &watchedBody{resp.Body, w}
	return resp, nil
}

// CloseIdleConnections is for http.Client.
func (t *stallTransport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// watch ends a request when its timer does.
type watch struct {
	timer    *time.Timer
	timeout  time.Duration
	answered atomic.Bool
	cancel   context.CancelCauseFunc
	cause    func() error
	err      *StalledError
}

func (w *watch) stalled() { w.cancel(w.err) }

// explain says that it was the timer, where that is so.
func (w *watch) explain(err error) error {
	if errors.Is(w.cause(), w.err) {
		return w.err
	}
	return err
}

// watchedUpload is the body of a request: whenever it is read, the registry
// has taken what came before.
type watchedUpload struct {
	io.ReadCloser
	w *watch
}

// Read gives the next part.
func (u *watchedUpload) Read(b []byte) (int, error) {
	if u.w.answered.Load() { // before it had everything
		return u.ReadCloser.Read(b)
	}
	u.w.timer.Stop()
	n, err := u.ReadCloser.Read(b)
	if err != nil {
		u.w.timer.Reset(answerFactor * u.w.timeout)
	} else {
		u.w.timer.Reset(u.w.timeout)
	}
	return n, err
}

// watchedBody is the body of an answer.
type watchedBody struct {
	io.ReadCloser
	w *watch
}

// Read gives what comes next, in time.
func (r *watchedBody) Read(b []byte) (int, error) {
	r.w.timer.Reset(r.w.timeout)
	n, err := r.ReadCloser.Read(b)
	r.w.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.w.explain(err)
	}
	return n, err
}

// Close ends the request.
func (r *watchedBody) Close() error {
	r.w.timer.Stop()
	err := r.ReadCloser.Close()
	r.w.cancel(nil)
	return err
}
