//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// settleTime is how long what the program started may outlive it: the kernel
// takes some things down on its own time, and so does a supervisor that
// notices the program's end.
const settleTime = time.Second

// process is the running program.
type process struct {
	pid     int
	outputs sync.WaitGroup // of stdout's and stderr's copying
}

// startProgram starts the program in a cgroup. Its outputs are pipes, for a
// port has no end of file. Descriptors of a failed start go with the machine.
func startProgram(s *spec, cgroup string, ports map[string]*port) (*process, error) {
	group, err := syscall.Open(cgroup, syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open cgroup: %w", err)
	}
	null, err := syscall.Open(os.DevNull, syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open standard input: %w", err)
	}
	outR, outW, err := outputPipe(s.UID)
	if err != nil {
		return nil, err
	}
	errR, errW, err := outputPipe(s.UID)
	if err != nil {
		return nil, err
	}
	attr := &syscall.ProcAttr{
		Dir: s.Dir, Env: s.Env, Files: []uintptr{uintptr(null), uintptr(outW), uintptr(errW)},
		Sys: &syscall.SysProcAttr{Setsid: true, UseCgroupFD: true, CgroupFD: group},
	}
	if s.UID != 0 {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(s.UID), Gid: uint32(s.UID)}
	}
	p := &process{}
	if p.pid, err = syscall.ForkExec(s.Args[0], s.Args, attr); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Args[0], err)
	}
	for _, fd := range []int{group, null, outW, errW} {
		if err := syscall.Close(fd); err != nil {
			return nil, fmt.Errorf("close the program's files: %w", err)
		}
	}
	p.copyOutput(ports[portStdout], outR)
	p.copyOutput(ports[portStderr], errR)
	return p, nil
}

// outputPipe makes a pipe that the program's user may open again, as
// /dev/stdout.
func outputPipe(uid int) (r, w int, err error) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return 0, 0, fmt.Errorf("make output pipe: %w", err)
	}
	if err := syscall.Fchown(fds[1], uid, uid); err != nil {
		return 0, 0, fmt.Errorf("make output pipe: %w", err)
	}
	return fds[0], fds[1], nil
}

// copyOutput copies what the program writes to a port.
func (p *process) copyOutput(dst *port, fd int) {
	src := os.NewFile(uintptr(fd), "output")
	p.outputs.Go(func() {
		if _, err := io.Copy(dst, src); err != nil {
			complain(fmt.Errorf("copy output: %w", err))
		}
	})
}

// wait waits for the program, as the first process for every orphan too.
func (p *process) wait() (syscall.WaitStatus, error) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait for the program: %w", err)
		case pid == p.pid:
			return status, nil
		}
	}
}

// drain waits for the end of the outputs. They end soon when no process is
// left; the processes that stay may hold them for ever, and drain gives up.
func (p *process) drain() bool {
	done := make(chan struct{})
	go func() {
		p.outputs.Wait()
		close(done)
	}()
	deadline := time.Now().Add(settleTime)
	for {
		select {
		case <-done:
			return true
		case <-time.After(20 * time.Millisecond):
		}
		reap()
		left, err := userProcesses()
		if err == nil && len(left) == 0 {
			deadline = time.Now().Add(settleTime)
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// reap collects the orphans that have ended.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if pid <= 0 && !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// exitStatus is the program's exit code as shells have it.
func exitStatus(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}
