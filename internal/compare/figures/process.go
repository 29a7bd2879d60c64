package figures

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// children lists the child processes of a process, zombies too.
func children(pid int) ([]int, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, t := range tasks {
		b, err := os.ReadFile(t)
		if gone(err) {
			continue // its children have moved to another thread
		}
		if err != nil {
			return nil, err
		}
		for f := range strings.FieldsSeq(string(b)) {
			child, err := strconv.Atoi(f)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", t, err)
			}
			pids = append(pids, child)
		}
	}
	return pids, nil
}

// gone tells whether a process ended while its files were read.
func gone(err error) bool {
	return errors.Is(err, iofs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

// descendants lists the children of a process, and theirs.
func descendants(pid int) ([]int, error) {
	all, err := children(pid)
	for i := 0; err == nil && i < len(all); i++ {
		var next []int
		next, err = children(all[i])
		all = append(all, next...)
	}
	return all, err
}

// Launchers lists the processes below this one that are sandkit's own: process
// 1 of each sandbox, and those that are kept ready.
func Launchers() ([]int, error) {
	all, err := descendants(os.Getpid())
	if err != nil {
		return nil, err
	}
	var own []int
	for _, pid := range all {
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if string(command) == "sandkit\x00" { // a zombie has none
			own = append(own, pid)
		}
	}
	return own, nil
}

// pss is the resident memory of a process in bytes; what several processes
// share counts in equal parts (proportional set size).
func pss(pid int) (int64, error) {
	path := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("read %s: no line Pss", path)
}

// memory is the resident memory of all launchers, in bytes. An ordinary user
// may not look at it.
func memory() (int64, error) {
	pids, err := Launchers()
	if err != nil {
		return 0, err
	}
	sum := int64(0)
	for _, pid := range pids {
		n, err := pss(pid)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// descriptors counts the open files of this program.
func descriptors() (int, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	return len(entries), err
}
