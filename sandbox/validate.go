package sandbox

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/capability"
	"github.com/sandkit/sandkit/internal/passwd"
	"github.com/sandkit/sandkit/internal/safepath"
	"github.com/sandkit/sandkit/internal/undo"
)

// Validate reports every problem at once, each with the option that sets the
// field. It makes no system call; the error matches [ErrInvalidSpec].
func (s *Spec) Validate() error {
	var errs undo.Errors
	s.check(&errs)
	return invalid(errs.Err())
}

func invalid(problems error) error {
	if problems == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrInvalidSpec, problems)
}

func (s *Spec) check(errs *undo.Errors) {
	s.checkNames(errs)
	s.Process.check(errs, s.Image.Ref != "" || s.Idle)
	if s.Idle && s.Logs.Driver != "" {
		errs.Add(errors.New("WithIdle, WithLogs: an idle sandbox prints nothing, leave one out"))
	}
	if p := &s.Process; s.Idle && (len(p.Command) > 0 || p.Path != "" || len(p.Entrypoint) > 0) {
		errs.Add(errors.New("WithIdle, WithCommand: an idle sandbox has no program of its own, leave one out"))
	}
	s.checkTerminal(errs)
	errs.Add(s.Image.check())
	errs.Add(prefixed("WithRootfs", s.Root.Validate()))
	if s.Image.Ref != "" && (s.Root.Dir != "" || len(s.Root.Layers) > 0) {
		errs.Add(errors.New("WithImage: there is a root directory as well, leave one out"))
	}
	if s.Image.Ref == "" && (len(s.Process.Entrypoint) > 0 || len(s.Process.DropCapabilities) > 0) {
		errs.Add(errors.New("WithEntrypoint, WithoutCapabilities: there is no image, use WithCommand"))
	}
	errs.Add(prefixed("WithMount", fs.ValidateMounts(s.Mounts)))
	errs.Add(prefixed("WithVolumesFrom", checkVolumesFrom(s.VolumesFrom)))
	s.checkPaths(errs)
	errs.Add(prefixed("WithNamespaces", s.Namespaces.Validate()))
	if s.Landlock != nil {
		errs.Add(s.Landlock.Validate())
	}
	s.checkPorts(errs)
	errs.Add(prefixed("WithLogs", s.Logs.check()))
	errs.Add(prefixed("WithLimits", checkLimits(s.Limits)))
	if s.Timeout < 0 {
		errs.Add(fmt.Errorf("WithTimeout: %v is negative", s.Timeout))
	}
	if s.Stop.Signal < 0 || s.Stop.Signal > 64 {
		errs.Add(fmt.Errorf("WithStop: signal %d is not between 1 and 64", s.Stop.Signal))
	}
	if s.Stop.Grace < 0 {
		errs.Add(fmt.Errorf("WithStop: grace %v is negative", s.Stop.Grace))
	}
	s.checkLife(errs)
	for _, d := range s.BestEffort {
		if !slices.Contains(droppables, d) {
			errs.Add(fmt.Errorf("BestEffort: %q is none of %q", d, droppables))
		}
	}
}

func prefixed(option string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", option, err)
}

// maxHostname is the kernel's limit (__NEW_UTS_LEN).
const maxHostname = 64

func (s *Spec) checkNames(errs *undo.Errors) {
	if s.Name != "" && !isName(s.Name) {
		errs.Add(fmt.Errorf("WithName: %q, want at least two of [a-zA-Z0-9_.-], the first a letter or digit", s.Name))
	}
	switch {
	case s.Hostname == "":
	case len(s.Hostname) > maxHostname:
		errs.Add(fmt.Errorf("WithHostname: name of %d bytes is longer than %d", len(s.Hostname), maxHostname))
	case !isHostname(s.Hostname):
		errs.Add(fmt.Errorf("WithHostname: %q, want letters, digits, hyphens and dots", s.Hostname))
	}
}

func (s *Spec) checkPaths(errs *undo.Errors) {
	for _, list := range []struct {
		option string
		paths  []string
	}{{"WithMaskedPaths", s.MaskedPaths}, {"WithReadOnlyPaths", s.ReadOnlyPaths}} {
		for _, p := range list.paths {
			switch clean, err := safepath.Clean(p); {
			case err != nil:
				errs.Add(prefixed(list.option, err))
			case clean == "/":
				errs.Add(fmt.Errorf(`%s: "/" would leave nothing, use WithReadOnlyRootfs`, list.option))
			}
		}
	}
}

// check finds what is wrong with a process, whose command an image may still
// give.
func (p *ProcessSpec) check(errs *undo.Errors, open bool) {
	if !open || len(p.Command) > 0 {
		p.checkCommand(errs)
	}
	errs.Add(prefixed("WithoutCapabilities", p.checkDropped()))
	p.checkEnv(errs)
	if p.Dir != "" {
		dir, err := safepath.Clean(p.Dir)
		errs.Add(prefixed("WithDir", err))
		if err == nil && (dir == "/proc" || strings.HasPrefix(dir, "/proc/")) {
			errs.Add(fmt.Errorf("WithDir: %q is in /proc, whose links lead out of the root", p.Dir))
		}
	}
	errs.Add(prefixed("WithUser", checkUser(p.User)))
	for _, list := range []struct {
		option string
		names  []string
	}{{"WithCapabilities", p.Capabilities}, {"WithAmbientCapabilities", p.AmbientCapabilities}} {
		_, err := capability.Parse(list.names)
		errs.Add(prefixed(list.option, err))
	}
	for _, r := range p.Rlimits {
		if _, err := r.number(); err != nil {
			errs.Add(prefixed("WithRlimit", err))
		}
		if r.Soft > r.Hard {
			errs.Add(fmt.Errorf("WithRlimit: %s: soft limit %d is above the hard limit %d", r.Resource, r.Soft, r.Hard))
		}
	}
	if p.Umask != nil && *p.Umask&^0o777 != 0 {
		errs.Add(fmt.Errorf("WithUmask: %#o has more than the permission bits", uint32(*p.Umask)))
	}
}

// The kernel's limit on one argument or variable (MAX_ARG_STRLEN), and on all
// of them (three quarters of the default stack limit).
const (
	maxArgument  = 128<<10 - 1
	maxArguments = 6 << 20
)

func (p *ProcessSpec) checkCommand(errs *undo.Errors) {
	if len(p.Command) == 0 || p.program() == "" {
		errs.Add(errors.New("WithCommand: no command given"))
		return
	}
	if name := p.program(); len(name) > 4095 {
		errs.Add(fmt.Errorf("WithCommand: name of %d bytes is longer than 4095", len(name)))
	}
	if strings.IndexByte(p.Path, 0) >= 0 {
		errs.Add(fmt.Errorf("WithCommand: path %q contains a NUL byte", p.Path))
	}
	total := 0
	for i, a := range p.Command {
		total += len(a)
		switch {
		case strings.IndexByte(a, 0) >= 0:
			errs.Add(fmt.Errorf("WithCommand: argument %d contains a NUL byte", i))
		case len(a) > maxArgument:
			errs.Add(fmt.Errorf("WithCommand: argument %d of %d bytes is longer than %d, pass it by WithStdin or a file", i, len(a), maxArgument))
		}
	}
	for _, kv := range p.Env {
		total += len(kv)
	}
	if total > maxArguments {
		errs.Add(fmt.Errorf("WithEnv: arguments and environment of %d bytes are over %d, pass them in a file", total, maxArguments))
	}
}

// maxProblems bounds what is said about one list.
const maxProblems = 20

func (p *ProcessSpec) checkEnv(errs *undo.Errors) {
	before := errs.Len()
	for i, kv := range p.Env {
		if errs.Len()-before >= maxProblems {
			errs.Add(fmt.Errorf("WithEnv: and perhaps more, from variable %d on", i))
			return
		}
		key, _, ok := strings.Cut(kv, "=")
		switch {
		case !ok:
			errs.Add(fmt.Errorf(`WithEnv: %.40q has no "=", want "KEY=VALUE"`, kv))
		case key == "":
			errs.Add(fmt.Errorf("WithEnv: %.40q has no name before the \"=\"", kv))
		case strings.IndexByte(kv, 0) >= 0:
			errs.Add(fmt.Errorf("WithEnv: %s contains a NUL byte", key))
		case len(kv) > maxArgument:
			errs.Add(fmt.Errorf("WithEnv: %s of %d bytes is longer than %d", key, len(kv), maxArgument))
		}
	}
}

// checkUser finds what cannot be a user, whatever /etc/passwd has.
func checkUser(user string) error {
	if strings.ContainsAny(user, "\x00\n/ \t") || strings.Count(user, ":") > 1 || strings.HasSuffix(user, ":") {
		return fmt.Errorf("%q is none of uid, uid:gid, name, name:group", user)
	}
	for part := range strings.SplitSeq(user, ":") {
		if isNumber(part) {
			if _, ok := passwd.ParseID(part); !ok {
				return fmt.Errorf("%q is not an id between 0 and 4294967294", part)
			}
		}
	}
	return nil
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(strings.TrimPrefix(s, "-"), "0123456789") == ""
}

// program is what is executed.
func (p *ProcessSpec) program() string {
	if p.Path != "" {
		return p.Path
	}
	return p.Command[0]
}

// lookupPaths are where the command may be, in order.
func (p *ProcessSpec) lookupPaths(env []string) []string {
	name := p.program()
	if strings.Contains(name, "/") {
		return []string{name}
	}
	var paths []string
	for dir := range strings.SplitSeq(lookupEnv(env, "PATH"), ":") {
		// The current directory is never searched.
		if path.IsAbs(dir) {
			paths = append(paths, path.Join(dir, name))
		}
	}
	return paths
}
