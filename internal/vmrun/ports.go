//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// portPair is one serial port of the machine: a pair of connected sockets.
// QEMU inherits its end, so there is no path and nothing to wait for.
type portPair struct {
	name string
	host *os.File
	qemu *os.File
}

// openPorts makes all ports. The caller closes them.
func openPorts() (ports []portPair, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, closePorts(ports))
		}
	}()
	for _, name := range portNames() {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return ports, fmt.Errorf("make port %s: %w", name, err)
		}
		// Non-blocking, so that reads wait in the runtime's poller.
		err = syscall.SetNonblock(fds[0], true)
		ports = append(ports, portPair{name, os.NewFile(uintptr(fds[0]), name), os.NewFile(uintptr(fds[1]), name)})
		if err != nil {
			return ports, fmt.Errorf("make port %s: %w", name, err)
		}
	}
	return ports, nil
}

// closeQEMU closes the ends that QEMU has inherited, or reads would not end
// when it does.
func (p *portPair) closeQEMU() error {
	f := p.qemu
	p.qemu = nil
	if f == nil {
		return nil
	}
	return f.Close()
}

func closePorts(ports []portPair) error {
	var err error
	for i := range ports {
		err = errors.Join(err, ports[i].closeQEMU(), ports[i].host.Close())
	}
	return err
}
