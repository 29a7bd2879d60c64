package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Kill kills every process of the group and of groups below it, whatever they
// fork meanwhile and whether they are frozen, and returns when the last one is gone
// (zombies that nobody has waited for do not count). It uses cgroup.kill where
// the kernel has it (v2, Linux 5.14), and otherwise freezes the group and
// signals its processes until there is none.
func (g *Group) Kill(ctx context.Context) error {
	g.mu.Lock()
	places := slices.Clone(g.places)
	removed := g.removed
	g.mu.Unlock()
	if removed {
		return nil
	}
	// One place has all processes, unless somebody moved them about.
	for _, p := range places {
		if err := g.host.kill(ctx, p); err != nil {
			return fmt.Errorf("kill cgroup %s: %w", g.name, err)
		}
	}
	return nil
}

// freezeTime is how long a group is given to freeze before its processes are
// signalled as they run: some wait for a disk and do not freeze.
const freezeTime = 20 * time.Millisecond

func (h *Host) kill(ctx context.Context, p place) error {
	var wait pause
	for round := 0; ; round++ {
		pids, err := processes(p.dir)
		if err != nil || len(pids) == 0 {
			return err
		}
		if p.at.version == 1 || h.killAtOnce(p, round) != nil {
			if err := h.killEach(ctx, p); err != nil {
				return err
			}
		}
		if err := wait.wait(ctx); err != nil {
			return fmt.Errorf("%d processes are left: %w", len(pids), err)
		}
	}
}

// killAtOnce asks the kernel, once in a while: a process that was moved here
// meanwhile did not get the signal.
func (h *Host) killAtOnce(p place, round int) error {
	if round%8 != 0 {
		return nil
	}
	return h.files.write(filepath.Join(p.dir, "cgroup.kill"), "1")
}

// killEach kills what is in the group now. While it is frozen nobody forks, and
// no number is given to another process.
func (h *Host) killEach(ctx context.Context, p place) error {
	freezes := p.at.version == 2 || p.at.has(Core)
	if freezes {
		ctx, cancel := context.WithTimeout(ctx, freezeTime)
		err := h.freeze(ctx, p)
		cancel()
		if err != nil && !gone(err) && ctx.Err() == nil && !errors.Is(err, ErrNotSupported) {
			return err
		}
		defer func() { _ = h.thaw(p) }() // the next round would tell
	}
	pids, err := processes(p.dir)
	if err != nil {
		return err
	}
	held := make([]*os.Process, 0, len(pids))
	defer func() {
		for _, proc := range held {
			_ = proc.Release()
		}
	}()
	for _, pid := range pids {
		proc, err := os.FindProcess(pid) // by descriptor since Linux 5.3
		if err != nil {
			continue // it has ended
		}
		held = append(held, proc)
	}
	// What is listed still is what the descriptors stand for.
	again, err := processes(p.dir)
	if err != nil {
		return err
	}
	for _, proc := range held {
		if !slices.Contains(again, proc.Pid) {
			continue
		}
		err := proc.Signal(syscall.SIGKILL)
		if err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("signal process %d: %w", proc.Pid, err)
		}
	}
	return nil
}
