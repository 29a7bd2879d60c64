//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// guestMain is the virtual machine's first process. What it prints goes to the
// kernel's log.
func guestMain() {
	err := runGuest()
	for err == nil {
		// The host kills the machine when it has read everything.
		time.Sleep(time.Hour)
	}
	complain(err)
	if err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		complain(err) // returning is a kernel panic, which ends the machine too
	}
}

// runGuest sets the machine up until it can talk to the host, and then tells
// it how everything else went.
func runGuest() error {
	var warnings []string
	warn := func(text string) { warnings = append(warnings, text) }
	if err := mountBase(warn); err != nil {
		return err
	}
	s, err := readSpec()
	if err != nil {
		return err
	}
	booted := uptime()
	loadModules(s.Modules, warn)
	ports, err := findPorts()
	if err != nil {
		return fmt.Errorf("%w (%s)", err, strings.Join(warnings, "; "))
	}
	host := reporter{json.NewEncoder(ports[portControl].file)}
	if err := host.send(event{Kind: evInit, Uptime: booted}); err != nil {
		return err
	}
	for _, w := range warnings {
		host.warn(w)
	}
	last, err := runSpec(s, ports, host)
	if err != nil {
		last = event{Kind: evFail, Text: err.Error()}
	}
	return host.send(last)
}

// runSpec does what the host asked for and returns the last event.
func runSpec(s *spec, ports map[string]*port, host reporter) (event, error) {
	setUpSystem(s, host.warn)
	if err := mountDisks(s.Disks); err != nil {
		return event{}, err
	}
	group, err := makeCgroup(s)
	if err != nil {
		return event{}, err
	}
	before, err := takeInventory()
	if err != nil {
		return event{}, err
	}
	if err := host.send(event{Kind: evStart, Uptime: uptime()}); err != nil {
		return event{}, err
	}
	p, err := startProgram(s, group, ports)
	if err != nil {
		return event{}, err
	}
	go obey(ports[portControl].file, p.pid)
	status, err := p.wait()
	if err != nil {
		return event{}, err
	}
	if !p.drain() {
		host.warn("what the program left running holds its output")
	}
	left, err := before.leftovers()
	if err != nil {
		return event{}, err
	}
	if err := sendTree(ports[portOut], outDir); err != nil {
		return event{}, err
	}
	return event{Kind: evExit, Code: exitStatus(status), Left: left, Sizes: sizes{
		portStdout: ports[portStdout].sent.Load(),
		portStderr: ports[portStderr].sent.Load(),
		portOut:    ports[portOut].sent.Load(),
	}}, nil
}

func readSpec() (*spec, error) {
	b, err := os.ReadFile(specFile)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	s := &spec{}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	return s, nil
}

// reporter talks to the host.
type reporter struct{ enc *json.Encoder }

func (r reporter) send(e event) error {
	if err := r.enc.Encode(e); err != nil {
		return fmt.Errorf("report to the host: %w", err)
	}
	return nil
}

// warn is for what need not stop the run. When not even that arrives, the
// event after it will fail to.
func (r reporter) warn(text string) {
	_ = r.send(event{Kind: evWarn, Text: text})
}

// obey sends the program SIGQUIT for each quitLine of the host.
func obey(control io.Reader, pid int) {
	for {
		var line string
		if _, err := fmt.Fscanln(control, &line); err != nil {
			return
		}
		if line != quitLine {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil && !errors.Is(err, syscall.ESRCH) {
			complain(fmt.Errorf("send SIGQUIT: %w", err))
		}
	}
}

// uptime is the kernel's clock; 0 when unknown, for it is only shown.
func uptime() float64 {
	b, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), " ")
	v, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return v
}
