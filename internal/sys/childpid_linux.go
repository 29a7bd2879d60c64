package sys

import (
	"bufio"
	"bytes"
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
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		return 0, err
	}
	for s := range strings.FieldsSeq(string(list)) {
		pid, err := strconv.Atoi(s)
		if err != nil {
			return 0, fmt.Errorf("read children of process %d: %w", parent, err)
		}
		if own, err := innermostPID(pid); err == nil && own == inner {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("find process %d inside: %w", inner, syscall.ESRCH)
}

// innermostPID is the number of a process in its own PID namespace (NSpid in
// /proc/PID/status, Linux 4.1).
func innermostPID(pid int) (int, error) {
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
