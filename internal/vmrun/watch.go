//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// watcher follows a machine to its end.
type watcher struct {
	start   time.Time
	quitAt  time.Duration    // after start
	quits   <-chan os.Signal // for the program
	control io.ReadWriter
	warn    func(text any)

	onInit    func()           // the machine has read all of its files
	delivered func(sizes) bool // all that the guest has sent is here
}

// watch returns when the program ended and its output is here, or the machine
// died, or ctx ends, which kills it.
func (w *watcher) watch(ctx context.Context) outcome {
	events := make(chan event)
	go readEvents(ctx, w.control, events)
	hurry := time.NewTimer(time.Until(w.start.Add(w.quitAt)))
	defer hurry.Stop()
	var poll <-chan time.Time // after the exit, for output on its way
	var r outcome
	for r.failure == "" && (!r.exited || !w.delivered(r.sent)) {
		select {
		case e, ok := <-events:
			if !ok {
				r.cut = context.Cause(ctx)
				return r
			}
			w.note(&r, e)
			if r.exited {
				poll = time.Tick(2 * time.Millisecond)
			}
		case <-poll:
		case <-hurry.C:
			r.hurried = !r.exited
			w.warn(fmt.Sprintf("SIGQUIT to the program: the time is nearly over after %v", w.quitAt))
			w.quit()
		case <-w.quits: // go test, when its own limit is over
			w.quit()
		case <-ctx.Done():
			r.cut = context.Cause(ctx)
			return r
		}
	}
	return r
}

// quit asks the guest for a SIGQUIT. When the machine is gone already, its
// events tell.
func (w *watcher) quit() {
	_, _ = fmt.Fprintln(w.control, quitLine)
}

// note records an event.
func (w *watcher) note(r *outcome, e event) {
	switch now := time.Since(w.start); e.Kind {
	case evInit:
		r.times.init, r.times.kernel = now, e.Uptime
		w.onInit()
	case evStart:
		r.times.started = now
	case evWarn:
		w.warn("inside the machine: " + e.Text)
	case evExit:
		r.exited, r.code, r.left, r.times.exited = true, e.Code, e.Left, now
		r.sent = e.Sizes
	case evFail:
		r.failure = e.Text
	}
}

// readEvents closes events when the machine is gone.
func readEvents(ctx context.Context, r io.Reader, events chan<- event) {
	defer close(events)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			e = event{Kind: evWarn, Text: fmt.Sprintf("unreadable event %q", lines.Bytes())}
		}
		select {
		case events <- e:
		case <-ctx.Done():
			return
		}
	}
}
