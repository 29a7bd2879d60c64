package registry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// Pauses between attempts.
const (
	firstPause   = 250 * time.Millisecond // as a rule, what is overloaded needs more than a moment
	longestPause = 10 * time.Second
	// longestWait is how long a registry may ask to be waited for.
	longestWait = 2 * time.Minute
)

// policy says when a request is sent again. It implements the library's
// interface.
type policy struct {
	retries int
	first   time.Duration
	log     *slog.Logger
}

// Retry gives the time to wait before the next attempt, or -1 when there is to
// be none.
func (p *policy) Retry(attempt int, resp *http.Response, err error) (time.Duration, error) {
	if attempt >= p.retries {
		return -1, nil
	}
	if err != nil {
		if !temporary(err) {
			return -1, nil
		}
		pause := p.pause(attempt)
		p.log.Debug("registry: request is sent again", "attempt", attempt+1, "pause", pause, "error", plain(err))
		return pause, nil
	}
	if !temporaryStatus(resp.StatusCode) {
		return -1, nil
	}
	pause := p.pause(attempt)
	if asked, ok := retryAfter(resp.Header.Get("Retry-After"), time.Now()); ok {
		if asked > longestWait {
			return -1, nil
		}
		pause = max(pause, asked)
	}
	p.log.Debug("registry: request is sent again", "attempt", attempt+1, "pause", pause, "status", resp.StatusCode)
	return pause, nil
}

// pause grows with each attempt, and varies so that many clients do not come
// back at the same moment.
func (p *policy) pause(attempt int) time.Duration {
	d := min(p.first<<min(attempt, 10), longestPause)
	return d/2 + rand.N(d+1)
}

// wait waits before an attempt.
func (p *policy) wait(ctx context.Context, attempt int) error {
	t := time.NewTimer(p.pause(attempt))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(header string, now time.Time) (time.Duration, bool) {
	if n, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

// temporaryStatus tells whether a status may be another one later.
func temporaryStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// streamError is what net/http's error for a broken stream of HTTP/2, which has
// no name there, lets itself be taken for.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

// Error is never used: no such error is made here.
func (streamError) Error() string { return "stream error" }

// temporary tells whether a connection broke, as opposed to one that never was
// or a certificate that is wrong.
func temporary(err error) bool {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &timeout) && timeout.Timeout(), errors.As(err, new(streamError)):
		return true
	}
	for _, broken := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return false
}
