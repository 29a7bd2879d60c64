package sandbox

import "syscall"

// pid is the number of process 1 on the host, 0 when it has ended already.
func (s *Sandbox) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastPid
}

// Sys is a syscall.WaitStatus.
func (s *CmdState) Sys() any {
	r := s.result
	if r.Signal == 0 {
		return syscall.WaitStatus(r.ExitCode << 8)
	}
	status := syscall.WaitStatus(r.Signal)
	if r.CoreDumped {
		status |= 0x80
	}
	return status
}
