package sandbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"github.com/sandkit/sandkit/sandbox/logs"
)

// kept is what a sandbox keeps of its output, from the start on.
type kept struct {
	ring *logs.Ring
	path string // of a json-file
}

// openLogs gives the drivers that the output goes to, none if there is no need.
func (s *Sandbox) openLogs() ([]logs.Driver, error) {
	var drivers []logs.Driver
	if s.logFunc != nil {
		drivers = append(drivers, logs.Func(s.logFunc))
	}
	l := &s.spec.Logs
	var k kept
	switch l.Driver {
	case LogRing:
		k.ring = logs.NewRing(l.RingBytes)
		drivers = append(drivers, k.ring)
	case LogJSONFile:
		path, err := filepath.Abs(l.Path)
		if err != nil {
			return nil, err
		}
		file, err := logs.OpenJSONFile(path, l.fileOptions())
		if err != nil {
			return nil, err
		}
		k.path = path
		drivers = append(drivers, file)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = k
	if s.pending != nil && s.pending.log != nil {
		drivers = append(drivers, s.pending.log)
	}
	return drivers, nil
}

// openStreams makes the main process's streams, and what keeps its output.
func (s *Sandbox) openStreams() (*streams, error) {
	drivers, err := s.openLogs()
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w", s.spec.Logs.Path, err)
	}
	c := &processConfig{stdin: s.stdin, stdout: s.stdout, stderr: s.stderr, extra: s.extra, drivers: drivers, open: s.spec.OpenStdin}
	if !s.private {
		c.fan = &s.fan
	}
	if s.spec.Process.TTY != nil {
		c.tty = &terminal{}
	}
	return openStreams(c)
}

// Logs gives what the program has printed, the oldest first, and with Follow what
// it prints until it ends. Zero options give nothing: Tail is how many of the last
// entries, -1 for all. It needs [WithLogs]; before Start the error matches
// [ErrNotRunning]. A ring is there as long as the Sandbox; the files of json-file
// stay, and logs.ReadJSONFile reads them from any process. Somebody who reads
// slowly holds nothing up: what is lost to him is told with a *logs.DroppedError,
// after which it goes on. Any other error is the last.
func (s *Sandbox) Logs(ctx context.Context, o LogOptions) iter.Seq2[LogEntry, error] {
	s.mu.Lock()
	k, created := s.kept, s.state == stateCreated
	s.mu.Unlock()
	fail := func(err error) iter.Seq2[LogEntry, error] {
		return func(yield func(LogEntry, error) bool) { yield(LogEntry{}, s.wrap("read logs of", "", "", err)) }
	}
	switch {
	case s.spec.Logs.Driver == "":
		return fail(&NotSupportedError{Feature: "reading logs that are not kept", Hint: "use WithLogs"})
	case created || k == kept{}:
		return fail(ErrNotRunning)
	}
	if err := o.Validate(); err != nil {
		return fail(errors.Join(ErrInvalidSpec, err))
	}
	if k.ring != nil {
		return k.ring.Read(ctx, o)
	}
	return logs.ReadJSONFile(ctx, k.path, o)
}
