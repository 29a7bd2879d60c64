package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

// Top lists the processes of the running sandbox, process 1 first and each after
// its parent. Those that come or go meanwhile may be missing. The kernel has to
// have CONFIG_PROC_CHILDREN.
func (s *Sandbox) Top(ctx context.Context) ([]ProcessInfo, error) {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	if r == nil {
		return nil, s.wrap("list processes of", "", "", ErrNotRunning)
	}
	var all []ProcessInfo
	for todo := []int{r.process.PID()}; len(todo) > 0; {
		if err := ctx.Err(); err != nil {
			return nil, s.wrap("list processes of", "", "", err)
		}
		pid := todo[0]
		p, children, err := readProcess(pid)
		todo = slices.Concat(children, todo[1:])
		switch {
		case err == nil:
			all = append(all, p)
		case !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH):
			return nil, s.wrap("list processes of", "", "", err)
		}
	}
	if len(all) == 0 || all[0].Inner != 1 { // its number is another's by now
		return nil, s.wrap("list processes of", "", "", ErrNotRunning)
	}
	return all, nil
}

// readProcess describes a process and gives its children.
func readProcess(pid int) (p ProcessInfo, children []int, err error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return p, nil, err
	}
	if p, err = parseStat(stat); err != nil {
		return p, nil, fmt.Errorf("read %sstat: %w", dir, err)
	}
	if p.Inner, err = sys.InnermostPID(pid); err != nil {
		return p, nil, err
	}
	cmdline, err := os.ReadFile(dir + "cmdline")
	if err != nil {
		return p, nil, err
	}
	if args := strings.TrimSuffix(string(cmdline), "\x00"); args != "" {
		p.Command = strings.Split(args, "\x00")
	}
	children, err = sys.Children(pid)
	return p, children, err
}

// clockTick is the unit of times in /proc (USER_HZ), which is the same on all
// architectures that there are.
const clockTick = time.Second / 100

// parseStat reads /proc/PID/stat. The name may hold anything, parentheses too.
func parseStat(b []byte) (p ProcessInfo, err error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return p, errors.New("no name in parentheses")
	}
	p.Name = string(b[open+1 : end])
	fields := strings.Fields(string(b[end+1:])) // the third of proc(5) and those that follow
	if len(fields) < 22 {
		return p, fmt.Errorf("%d fields after the name, want at least 22", len(fields))
	}
	p.State = fields[0]
	var ticks [2]int64
	var pages int64
	for _, n := range []struct {
		field int
		to    *int64
	}{{11, &ticks[0]}, {12, &ticks[1]}, {21, &pages}} {
		if *n.to, err = strconv.ParseInt(fields[n.field], 10, 64); err != nil {
			return p, err
		}
	}
	p.CPU = time.Duration(ticks[0]+ticks[1]) * clockTick
	p.RSS = pages * int64(os.Getpagesize())
	for _, n := range []struct {
		text string
		to   *int
	}{{strings.TrimSpace(string(b[:open])), &p.PID}, {fields[1], &p.Parent}, {fields[17], &p.Threads}} {
		if *n.to, err = strconv.Atoi(n.text); err != nil {
			return p, err
		}
	}
	return p, nil
}
