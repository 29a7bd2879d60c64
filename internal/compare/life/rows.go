package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// busy starts a sandbox that sleeps.
func (b *bench) busy(ctx context.Context, opts ...sandbox.Option) (*sandbox.Sandbox, error) {
	s, err := sandbox.New(append(opts, sandbox.WithRootfs(b.root), sandbox.WithCommand("/bin/sleep", "1000"))...)
	if err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// execFigures compares Exec with docker exec.
func execFigures(ctx context.Context, b *bench) (_ []figures.Figure, err error) {
	s, err := b.busy(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	own, err := timed(b.runs, func() error {
		p, err := s.Exec(ctx, sandbox.WithCommand("/bin/true"))
		if err == nil {
			_, err = p.Wait(ctx)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	all := []figures.Figure{figures.Told("Exec of true", "%.2f ms", figures.Milliseconds(own))}
	if b.docker == nil {
		return all, nil
	}
	if err := b.run("run", "-d", "--name", "exec", imageName, "/bin/sleep", "1000"); err != nil {
		return nil, err
	}
	peer, err := timed(max(5, b.runs/4), func() error { return b.run("exec", "exec", "/bin/true") })
	if err != nil {
		return nil, err
	}
	return append(all, figures.Told("docker exec", "%.1f ms", figures.Milliseconds(peer)),
		figures.AtLeast("docker exec / Exec", float64(peer)/float64(own), 60, "%.0f")), b.run("rm", "-f", "exec")
}

// stopFigures measures how long it takes to end a program that does not listen.
func stopFigures(ctx context.Context, b *bench) ([]figures.Figure, error) {
	var total []time.Duration
	for range b.runs {
		s, err := b.busy(ctx)
		if err != nil {
			return nil, err
		}
		took, err := timed(1, func() error { return s.Stop(ctx) })
		if err := errors.Join(err, s.Close()); err != nil {
			return nil, err
		}
		total = append(total, took)
	}
	var worst time.Duration
	for _, d := range total {
		worst = max(worst, d)
	}
	return []figures.Figure{figures.AtMost("Stop of sleep 1000, the slowest (ms)", figures.Milliseconds(worst), 50, "%.2f")}, nil
}

// logFigures compares how fast lines get into a json-file.
func logFigures(ctx context.Context, b *bench) ([]figures.Figure, error) {
	n := strconv.Itoa(b.lines)
	path := filepath.Join(b.dir, "log")
	own, err := timed(3, func() error {
		_, err := sandbox.Run(ctx, sandbox.WithRootfs(b.root), sandbox.WithCommand("/bin/seq", n),
			sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: path}))
		return errors.Join(err, os.Remove(path))
	})
	if err != nil {
		return nil, err
	}
	all := []figures.Figure{figures.Told("json-file, million lines a second", "%.2f", float64(b.lines)/own.Seconds()/1e6)}
	if b.docker == nil {
		return all, nil
	}
	peer, err := timed(3, func() error {
		return errors.Join(b.run("run", "-d", "--name", "log", "--log-driver", "json-file", imageName, "/bin/seq", n), b.run("wait", "log"), b.run("rm", "log"))
	})
	if err != nil {
		return nil, err
	}
	return append(all, figures.Told("docker run, million lines a second", "%.2f", float64(b.lines)/peer.Seconds()/1e6),
		figures.AtLeast("docker run / Run with json-file", float64(peer)/float64(own), 3, "%.1f")), nil
}

// listFigures measures a list of many.
func listFigures(ctx context.Context, b *bench) (_ []figures.Figure, err error) {
	store, err := state.Open(filepath.Join(b.dir, "state"), state.NoSync())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for i := range b.records {
		e, err := store.Create(ctx, state.Record{Name: fmt.Sprintf("list-%d", i), Command: []string{"/bin/sleep", "1000"}})
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, e.Close()) }()
		if err := e.Update(func(s *state.Status) error { s.State, s.PID = state.Running, os.Getpid(); return nil }); err != nil {
			return nil, err
		}
	}
	took, err := timed(20, func() error {
		all, err := store.List(ctx, state.ListOptions{})
		if err == nil && len(all) != b.records {
			err = fmt.Errorf("%d of %d are listed", len(all), b.records)
		}
		return err
	})
	return []figures.Figure{figures.AtMost(fmt.Sprintf("list of %d (ms)", b.records), figures.Milliseconds(took), 50, "%.1f")}, err
}
