package sys

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ChildPID gives the number that a child of the process parent, which has one
// thread, has here, when it is inner in its own PID namespace. It is ESRCH when
// there is none. The kernel has to have CONFIG_PROC_CHILDREN.
func ChildPID(parent, inner int) (int, error) {
	all, err := childrenOf(parent, strconv.Itoa(parent))
	if err != nil {
		return 0, err
	}
	for _, pid := range all {
		if own, err := InnermostPID(pid); err == nil && own == inner {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("find process %d inside: %w", inner, syscall.ESRCH)
}

// Children gives the children of a process, those of all of its threads. It needs
// CONFIG_PROC_CHILDREN.
func Children(pid int) ([]int, error) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil, err
	}
	var all []int
	for _, t := range threads {
		children, err := childrenOf(pid, t.Name())
		if err != nil && !errors.Is(err, os.ErrNotExist) { // the thread has ended
			return nil, err
		}
		all = append(all, children...)
	}
	return all, nil
}

func childrenOf(pid int, thread string) ([]int, error) {
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread))
	if err != nil {
		return nil, err
	}
	var all []int
	for s := range strings.FieldsSeq(string(list)) {
		child, err := strconv.Atoi(s)
		if err != nil {
			return nil, fmt.Errorf("read children of process %d: %w", pid, err)
		}
		all = append(all, child)
	}
	return all, nil
}

// InnermostPID is the number of a process in its own PID namespace (NSpid in
// /proc/PID/status, Linux 4.1).
func InnermostPID(pid int) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		if numbers, ok := strings.CutPrefix(lines.Text(), "NSpid:"); ok {
			all := strings.Fields(numbers)
			if len(all) > 0 {
				return strconv.Atoi(all[len(all)-1])
			}
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no NSpid", pid)
}
