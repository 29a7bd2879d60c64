//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// port is the machine's end of a serial port.
type port struct {
	file *os.File
	sent atomic.Int64 // bytes
}

// Write sends b. Being all that a port can do, it is what io.Copy uses.
func (p *port) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.sent.Add(int64(n))
	return n, err
}

// findPorts opens the serial ports by name. Their devices appear some time
// after the driver.
func findPorts() (map[string]*port, error) {
	ports := map[string]*port{}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := openNewPorts(ports)
		if len(ports) == len(portNames()) {
			return ports, nil
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("open the host's ports: %d of %d there: %w", len(ports), len(portNames()), err)
		}
	}
}

// openNewPorts opens the ports that are there and not yet open.
func openNewPorts(ports map[string]*port) error {
	files, err := filepath.Glob("/sys/class/virtio-ports/*/name")
	if err != nil {
		return err
	}
	err = os.ErrNotExist
	for _, f := range files {
		b, readErr := os.ReadFile(f)
		name := strings.TrimSpace(string(b))
		if readErr != nil || ports[name] != nil || !slices.Contains(portNames(), name) {
			continue
		}
		dev := "/dev/" + filepath.Base(filepath.Dir(f))
		file, openErr := os.OpenFile(dev, os.O_RDWR, 0)
		if openErr != nil {
			err = openErr
			continue
		}
		ports[name] = &port{file: file}
	}
	return err
}
