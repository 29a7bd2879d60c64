package sandboxtest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder is a test that only notes what is said about it. It can be had only
// by embedding a real one, of which it uses nothing.
type recorder struct {
	testing.TB
	ctx      context.Context //nolint:containedctx // a test has one
	mu       sync.Mutex
	said     []string
	failed   bool
	cleanups []func()
	deadline time.Time // zero: none
}

func (r *recorder) Helper()                     {}
func (r *recorder) Name() string                { return "recorded" }
func (r *recorder) Context() context.Context    { return r.ctx }
func (r *recorder) Cleanup(f func())            { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Logf(f string, args ...any)  { r.say("log", fmt.Sprintf(f, args...)) }
func (r *recorder) Deadline() (time.Time, bool) { return r.deadline, !r.deadline.IsZero() }

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) say(what, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, what+": "+text)
	r.failed = r.failed || what == "error" || what == "fatal"
}

func (r *recorder) Errorf(format string, args ...any) { r.say("error", fmt.Sprintf(format, args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.say("fatal", fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (r *recorder) Skip(args ...any) {
	r.say("skip", fmt.Sprint(args...))
	runtime.Goexit()
}

// record calls f as a test would be, cleans up as a test does, and gives all that
// was said.
func record(t *testing.T, f func(r *recorder)) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &recorder{TB: t, ctx: ctx}
	done := make(chan struct{})
	go func() { // Fatalf and Skip end the goroutine
		defer close(done)
		defer func() {
			cancel() // before the cleanups, as testing does
			for _, c := range slices.Backward(r.cleanups) {
				c()
			}
		}()
		f(r)
	}()
	<-done
	return strings.Join(r.said, "\n")
}
