package sandbox

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/capability"
	"github.com/sandkit/sandkit/internal/undo"
)

// dockerCapabilities are what Docker gives by default.
var dockerCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

// applyImage fills what the Spec leaves open with what the image says. An
// image's configuration is nobody's friend: the result is checked like any Spec.
func (s *Spec) applyImage(img image.Image) error {
	c := img.Config().Config.Merge(s.runConfig())
	p := &s.Process
	p.Command = slices.Concat(c.Entrypoint, c.Cmd)
	p.Env, p.User, p.Dir = c.Env, c.User, c.WorkingDir
	if p.Dir != "" && !path.IsAbs(p.Dir) {
		p.Dir = "/" + p.Dir
	}
	if s.Stop.Signal == 0 {
		sig, err := parseSignal(c.StopSignal)
		if err != nil {
			return fmt.Errorf("%w: stop signal of the image: %w", ErrInvalidSpec, err)
		}
		s.Stop.Signal = sig
	}
	if c.Healthcheck != nil {
		if err := s.applyHealthcheck(Healthcheck(*c.Healthcheck), c.Shell); err != nil {
			return err
		}
	}
	if !s.HostUsers { // there they would count on the host
		p.Capabilities = p.imageCapabilities()
	}
	var errs undo.Errors
	if s.Idle {
		p.Command = nil
	}
	p.check(&errs, s.Idle)
	if err := errs.Err(); err != nil {
		return fmt.Errorf("%w: what the image and the options make together: %w", ErrInvalidSpec, err)
	}
	return nil
}

// runConfig is what the Spec says, in the words of images.
func (s *Spec) runConfig() image.RunConfig {
	p := &s.Process
	return image.RunConfig{User: p.User, Env: p.Env, Entrypoint: p.Entrypoint, Cmd: p.Command, WorkingDir: p.Dir, Healthcheck: s.Healthcheck.inImage()}
}

// imageCapabilities are the default ones without those that were dropped, and
// those that were asked for.
func (p *ProcessSpec) imageCapabilities() []string {
	drop := make(map[string]bool)
	for _, name := range p.DropCapabilities {
		drop[strings.TrimPrefix(strings.ToUpper(name), "CAP_")] = true
	}
	var caps []string
	for _, name := range dockerCapabilities {
		if !drop[name] && !drop["ALL"] {
			caps = append(caps, name)
		}
	}
	return append(caps, p.Capabilities...)
}

// checkDropped makes sure that each name is one.
func (p *ProcessSpec) checkDropped() error {
	names := slices.DeleteFunc(slices.Clone(p.DropCapabilities), func(n string) bool { return strings.EqualFold(n, "ALL") })
	_, err := capability.Parse(names)
	return err
}

// parseSignal reads a signal as images have it: "SIGTERM", "TERM", "15",
// "SIGRTMIN+3"; empty is 0.
func parseSignal(s string) (syscall.Signal, error) {
	if s == "" {
		return 0, nil
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	n, err := strconv.Atoi(s)
	if err == nil && n > 0 && n <= lastSignal {
		return syscall.Signal(n), nil
	}
	if n, ok := signals[name]; ok {
		return n, nil
	}
	for _, rt := range []struct {
		prefix string
		base   int
		sign   int
	}{{"RTMIN", 34, 1}, {"RTMAX", lastSignal, -1}} {
		rest, ok := strings.CutPrefix(name, rt.prefix)
		if !ok {
			continue
		}
		offset := 0
		if rest != "" {
			if offset, err = strconv.Atoi(rest); err != nil || (rest[0] == '-') != (rt.sign < 0) {
				break
			}
		}
		if n := rt.base + offset; n >= 34 && n <= lastSignal {
			return syscall.Signal(n), nil
		}
	}
	return 0, fmt.Errorf("%q is no signal", s)
}

// lastSignal is the highest number of a signal, SIGRTMAX.
const lastSignal = 64

// signals are the names of Linux's signals, which are the same on amd64 and
// arm64.
var signals = map[string]syscall.Signal{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "IOT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11,
	"USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21,
	"TTOU": 22, "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28, "IO": 29, "POLL": 29, "PWR": 30, "SYS": 31,
}
