//go:build linux

package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	defaultLimit = 5 * time.Minute
	// quitEarlier is the time between SIGQUIT and the machine's end: a Go
	// program prints its goroutines.
	quitEarlier = 10 * time.Second
	// bootAllowance is what a test binary's own limit does not cover.
	bootAllowance = 30 * time.Second
)

// limit is the time for everything: -timeout, or what the test binary's own
// limit needs, so that this one strikes first and tells more.
func (o *options) limit() time.Duration {
	if o.timeout > 0 {
		return o.timeout
	}
	for _, a := range o.command[1:] {
		name, value, _ := strings.Cut(a, "=")
		if flagName(name) != "test.timeout" {
			continue
		}
		if d, err := time.ParseDuration(value); err == nil && d > 0 {
			return d + bootAllowance + quitEarlier
		}
	}
	return defaultLimit
}

// quitAfter is when SIGQUIT is due: half-time when the limit is short.
func quitAfter(limit time.Duration) time.Duration {
	return limit - min(quitEarlier, limit/2)
}

// errTimeout ends a run whose limit was reached.
var errTimeout = errors.New("timed out")

// signalError ends a run because vmrun got a signal.
type signalError struct{ signal os.Signal }

func (e signalError) Error() string { return "ended by signal: " + e.signal.String() }

// exitCode is what shells make of a program that the signal ended.
func (e signalError) exitCode() int {
	s, ok := e.signal.(syscall.Signal)
	if !ok {
		return exitMachine
	}
	return 128 + int(s)
}

// lifetime bounds a run: ctx ends with errTimeout or a signalError as its
// cause. SIGQUIT does not end it, but is for the program.
func lifetime(limit time.Duration) (ctx context.Context, quits <-chan os.Signal, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	ctx, cancelTimer := context.WithTimeoutCause(ctx, limit, errTimeout)
	ends, quit := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(ends, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Notify(quit, syscall.SIGQUIT)
	go func() {
		select {
		case s := <-ends:
			cancel(signalError{s})
		case <-ctx.Done():
		}
	}()
	return ctx, quit, func() {
		signal.Stop(ends)
		signal.Stop(quit)
		cancelTimer()
		cancel(nil)
	}
}
