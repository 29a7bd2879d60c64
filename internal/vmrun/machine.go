//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// machine is a running QEMU.
type machine struct {
	cmd     *exec.Cmd
	ports   []portPair
	streams []*stream
	klog    *os.File
	said    bytes.Buffer // by QEMU itself; complete after end
	results bytes.Buffer // what came on portOut; complete after end
	copies  sync.WaitGroup
	ended   bool
}

// startMachine starts QEMU with its files in the folder tmp. It must be called
// on a thread that lives as long as the machine shall.
func startMachine(ctx context.Context, o *options, j *job, tmp string, stdout, stderr io.Writer) (m *machine, err error) {
	khz, err := tscKHz()
	if err != nil {
		return nil, err
	}
	m = &machine{}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	klog := filepath.Join(tmp, "klog")
	if m.klog, err = os.OpenFile(klog, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return m, fmt.Errorf("make kernel log: %w", err)
	}
	if m.ports, err = openPorts(); err != nil {
		return m, err
	}
	m.cmd = exec.CommandContext(ctx, "qemu-system-x86_64", qemuArgs(o, j, khz, klog)...)
	m.cmd.Stdout, m.cmd.Stderr = &m.said, &m.said
	for _, p := range m.ports {
		m.cmd.ExtraFiles = append(m.cmd.ExtraFiles, p.qemu)
	}
	// An own group: a terminal's ^C is for vmrun, which ends the machine.
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := m.cmd.Start(); err != nil {
		return m, fmt.Errorf("start QEMU: %w", err)
	}
	for i := range m.ports {
		err = errors.Join(err, m.ports[i].closeQEMU())
	}
	m.copy(stdout, stderr)
	return m, err
}

// copy moves the ports' data until the machine ends.
func (m *machine) copy(stdout, stderr io.Writer) {
	m.streams = []*stream{
		{name: portStdout, dst: stdout, src: m.port(portStdout)},
		{name: portStderr, dst: stderr, src: m.port(portStderr)},
		{name: portOut, dst: &m.results, src: m.port(portOut)},
	}
	for _, s := range m.streams {
		m.copies.Go(s.copy)
	}
}

// delivered says whether as much has come as the guest has sent.
func (m *machine) delivered(sent sizes) bool {
	return !slices.ContainsFunc(m.streams, func(s *stream) bool { return s.moved.Load() < sent[s.name] })
}

func (m *machine) port(name string) *os.File {
	for _, p := range m.ports {
		if p.name == name {
			return p.host
		}
	}
	panic("no port " + name)
}

// end kills the machine and waits until its output is complete.
func (m *machine) end() error {
	if m.ended || m.cmd == nil || m.cmd.Process == nil {
		return nil
	}
	m.ended = true
	if err := m.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end QEMU: %w", err)
	}
	// Being killed is its ordinary end, and no other tells more than the log.
	if err := m.cmd.Wait(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			return fmt.Errorf("wait for QEMU: %w", err)
		}
	}
	m.copies.Wait()
	var err error
	for _, s := range m.streams {
		err = errors.Join(err, s.err)
	}
	return err
}

// close ends the machine and closes its files.
func (m *machine) close() error {
	err := errors.Join(m.end(), closePorts(m.ports))
	m.ports = nil
	if m.klog != nil {
		err = errors.Join(err, m.klog.Close())
		m.klog = nil
	}
	return err
}

// log returns the end of the kernel's log, at most size bytes of it.
func (m *machine) log(size int64) ([]byte, error) {
	fi, err := m.klog.Stat()
	if err != nil {
		return nil, fmt.Errorf("read kernel log: %w", err)
	}
	from := fi.Size() - min(size, fi.Size())
	b, err := io.ReadAll(io.NewSectionReader(m.klog, from, size))
	if err != nil {
		return nil, fmt.Errorf("read kernel log: %w", err)
	}
	return b, nil
}

// cpuTime is what QEMU used, known after end.
func (m *machine) cpuTime() time.Duration {
	if m.cmd.ProcessState == nil {
		return 0
	}
	return m.cmd.ProcessState.UserTime() + m.cmd.ProcessState.SystemTime()
}
