package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// AddProcess moves a process, with all its threads, into the group. Children
// that it starts later are in the group as well, those that it has are not.
// The kernel takes 5 to 10 ms for that when nothing happened before, however
// many controllers there are; FD and starting from a process that is in the
// group already do not. The error matches os.ErrNotExist or syscall.ESRCH when
// there is no such process.
func (g *Group) AddProcess(pid int) error {
	if pid <= 0 {
		return fmt.Errorf("add process %d to cgroup %s: %w", pid, g.name, os.ErrInvalid)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		return fmt.Errorf("add process %d to cgroup %s: %w", pid, g.name, ErrRemoved)
	}
	for _, p := range g.places {
		if err := g.host.addProcess(p.dir, strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("add process %d to cgroup %s: %w", pid, g.name, err)
		}
	}
	return nil
}

// newTaskTries bounds how often a process is moved that the kernel has not
// finished making: it says EINVAL.
const newTaskTries = 20

func (h *Host) addProcess(dir, pid string) error {
	var err error
	for range newTaskTries {
		if err = h.files.write(filepath.Join(dir, "cgroup.procs"), pid); !errors.Is(err, syscall.EINVAL) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return err
}

// bringAlong moves the group's processes to a place that it did not have until
// now. Who forks meanwhile is seen in the next round.
func (g *Group) bringAlong(to place) error {
	for range 100 {
		pids, err := processes(g.places[0].dir)
		if err != nil || len(pids) == 0 {
			return err
		}
		there, err := processes(to.dir)
		if err != nil {
			return err
		}
		moved := false
		for _, pid := range pids {
			if slices.Contains(there, pid) {
				continue
			}
			moved = true
			if err := g.host.addProcess(to.dir, strconv.Itoa(pid)); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
		if !moved {
			return nil
		}
	}
	return fmt.Errorf("move processes to %s: they fork faster than they can be moved", to.dir)
}

// Processes lists the processes of the group and of groups below it.
func (g *Group) Processes() ([]int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		return nil, nil
	}
	pids, err := processes(g.places[0].dir)
	if err != nil {
		return nil, fmt.Errorf("list processes of cgroup %s: %w", g.name, err)
	}
	return pids, nil
}

// processes lists the processes in and below a directory; none when it is
// gone.
func processes(dir string) ([]int, error) {
	var pids []int
	err := groupsBelow(dir, func(group string) error {
		names, err := lines(filepath.Join(group, "cgroup.procs"))
		if gone(err) || errors.Is(err, syscall.EOPNOTSUPP) { // a threaded group of v2 has threads only
			return nil
		}
		for _, name := range names {
			pid, convErr := strconv.Atoi(name)
			if convErr != nil {
				return convErr
			}
			if pid == 0 { // to write it would mean this program
				return fmt.Errorf("%s has a process of another PID namespace: %w", group, os.ErrPermission)
			}
			pids = append(pids, pid)
		}
		return err
	})
	return pids, err
}

// groupsBelow calls f for a group and all groups below it, outermost first.
func groupsBelow(dir string, f func(dir string) error) error {
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case gone(err):
			return nil
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		}
		return f(p)
	})
	if gone(err) {
		return nil
	}
	return err
}

// pause waits a little longer each time; it is an error when ctx ends.
type pause struct{ next time.Duration }

func (p *pause) wait(ctx context.Context) error {
	p.next = min(max(2*p.next, 50*time.Microsecond), 10*time.Millisecond)
	t := time.NewTimer(p.next)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
