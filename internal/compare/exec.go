package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/internal/compare/peer"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/pool"
)

const (
	execName = "sandkit exec"
	poolName = "sandkit pool"
	runcExec = "runc exec"
	bareName = "fork and exec"
)

// withExec adds what runs the program in something that runs already, with
// limits where there may be some.
func withExec(ctx context.Context, f *files, limits sandbox.Option, kinds []kind, missing []string) ([]kind, []string, error) {
	if err := figures.WriteIdle(filepath.Join(f.root, "bin/idle")); err != nil {
		return kinds, missing, err
	}
	own, err := ownExec(ctx, f, limits)
	if err != nil {
		return kinds, missing, err
	}
	pooled, err := ownPool(ctx, f, limits)
	if err != nil {
		return append(kinds, own), missing, err
	}
	kinds = append(kinds, own, pooled)
	peer, err := f.runcExec(ctx)
	if err != nil {
		return kinds, append(missing, fmt.Sprintf("%s is left out: %v", runcExec, err)), nil
	}
	return append(kinds, peer), missing, nil
}

func ownExec(ctx context.Context, f *files, limits sandbox.Option) (kind, error) {
	s, err := sandbox.New(sandbox.WithRootfs(f.root), limits, sandbox.WithIdle())
	if err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		return kind{}, errors.Join(err, s.Close())
	}
	return kind{execName, func(ctx context.Context) (time.Duration, error) {
		start := time.Now()
		p, err := s.Exec(ctx, sandbox.WithCommand("/bin/true"))
		if err == nil {
			_, err = p.Wait(ctx)
		}
		return time.Since(start), err
	}, s.Close}, nil
}

// poolSize is more than a block of runs, see measure: the pool is filled between
// blocks, as it is between bursts.
const poolSize = 64

func ownPool(ctx context.Context, f *files, limits sandbox.Option) (kind, error) {
	p, err := pool.New(pool.Options{Size: poolSize, Sandbox: []sandbox.Option{sandbox.WithRootfs(f.root), limits}}) //nolint:contextcheck // it lives until Close
	if err != nil {
		return kind{}, err
	}
	if err := p.Fill(ctx); err != nil {
		return kind{}, errors.Join(err, p.Close())
	}
	return kind{poolName, func(ctx context.Context) (time.Duration, error) {
		start := time.Now()
		_, err := p.Run(ctx, sandbox.WithCommand("/bin/true"))
		return time.Since(start), err
	}, p.Close}, nil
}

// runcExec starts a container and gives the command that runs another program
// in it.
func (f *files) runcExec(ctx context.Context) (k kind, err error) {
	dir, id := filepath.Join(f.dir, "idle"), fmt.Sprintf("sandkit-compare-%d-exec", os.Getpid())
	if err := peer.Bundle(dir, "runc", f.root, "/bin/idle", peer.Resources()); err != nil {
		return kind{}, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return kind{}, err
	}
	cmd := exec.CommandContext(ctx, "runc", "run", "--detach", "--bundle", dir, id)
	cmd.Stdin = r
	err = errors.Join(cmd.Run(), r.Close())
	end := func() error {
		out, err := exec.Command("runc", "delete", "--force", id).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("delete container: %w: %s", err, out)
		}
		return errors.Join(w.Close(), err)
	}
	if err != nil {
		return kind{}, errors.Join(fmt.Errorf("start container: %w", err), end())
	}
	return kind{runcExec, execute([]string{"runc", "exec", id, "/bin/true"}), end}, nil
}

// execFigures compare medians.
func execFigures(p50 func(string) float64, title string) []figures.Figure {
	own := p50(execName)
	if own == 0 {
		return nil
	}
	lines := []figures.Figure{figures.AtMost("p50 of Exec / fork and exec on the host, "+title, own/p50(bareName), 2, "%.2f")}
	if p := p50(poolName); p > 0 {
		lines = append(lines, figures.AtMost("p50 of a pool's Run / fork and exec on the host, "+title, p/p50(bareName), 2, "%.2f"))
	}
	if p := p50(runcExec); p > 0 {
		lines = append(lines, figures.AtLeast("p50 of runc exec / Exec, "+title, p/own, 20, "%.1f"))
	}
	return lines
}
