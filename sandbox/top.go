package sandbox

import (
	"fmt"
	"strings"
	"time"
)

// ProcessInfo is a process of a sandbox, as [Sandbox.Top] has found it.
type ProcessInfo struct {
	PID     int // on the host
	Inner   int // inside
	Parent  int // its parent on the host
	Threads int
	State   string        // the kernel's letter: R, S, D, Z, T ...
	CPU     time.Duration // used so far, in user and kernel mode
	RSS     int64         // resident memory in bytes
	Name    string        // at most 15 bytes
	Command []string      // its arguments; empty for a zombie
}

// String is one line, as ps prints it.
func (p ProcessInfo) String() string {
	command := strings.Join(p.Command, " ")
	if command == "" {
		command = "[" + p.Name + "]"
	}
	return fmt.Sprintf("%7d %5d %s %8.2fs %7dK %s", p.PID, p.Inner, p.State, p.CPU.Seconds(), p.RSS>>10, command)
}
