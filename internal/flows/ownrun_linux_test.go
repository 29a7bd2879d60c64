package flows

import (
	"context"
	"errors"
	"flag"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// runOptions are docker run's.
type runOptions struct {
	detach, rm, interactive, readOnly bool
	name, dir, user, entrypoint       string
	stopSignal, memory, hostname      string
	pids                              int64
	env, label, tmpfs, capDrop        list
	restart                           string
	mounts                            mountOptions
}

func (r *runOptions) define(f *flag.FlagSet) {
	f.BoolVar(&r.detach, "d", false, "")
	f.BoolVar(&r.rm, "rm", false, "")
	f.BoolVar(&r.interactive, "i", false, "")
	f.BoolVar(&r.readOnly, "read-only", false, "")
	f.StringVar(&r.name, "name", "", "")
	f.StringVar(&r.dir, "w", "", "")
	f.StringVar(&r.user, "u", "", "")
	f.StringVar(&r.entrypoint, "entrypoint", "", "")
	f.StringVar(&r.stopSignal, "stop-signal", "", "")
	f.StringVar(&r.memory, "m", "", "")
	f.StringVar(&r.hostname, "hostname", "", "")
	f.Int64Var(&r.pids, "pids-limit", 0, "")
	f.StringVar(&r.restart, "restart", "no", "")
	r.mounts.define(f)
	f.Var(&r.env, "e", "")
	f.Var(&r.label, "label", "")
	f.Var(&r.tmpfs, "tmpfs", "")
	f.Var(&r.capDrop, "cap-drop", "")
}

// options are the SDK's for the same.
func (r *runOptions) options() ([]sandbox.Option, error) {
	opts := []sandbox.Option{sandbox.WithEnv(r.env...), sandbox.WithLabels(pairs(r.label)), sandbox.WithoutCapabilities(r.capDrop...)}
	if r.name != "" {
		opts = append(opts, sandbox.WithName(r.name))
	}
	if r.hostname != "" {
		opts = append(opts, sandbox.WithHostname(r.hostname))
	}
	if r.dir != "" {
		opts = append(opts, sandbox.WithDir(r.dir))
	}
	if r.user != "" {
		opts = append(opts, sandbox.WithUser(r.user))
	}
	if r.entrypoint != "" {
		opts = append(opts, sandbox.WithEntrypoint(r.entrypoint))
	}
	if r.readOnly {
		opts = append(opts, sandbox.WithReadOnlyRootfs())
	}
	for _, dir := range r.tmpfs {
		opts = append(opts, sandbox.WithMount(fs.Tmpfs(dir, 1<<20)))
	}
	if r.pids != 0 {
		opts = append(opts, sandbox.WithPids(r.pids))
	}
	policy, err := sandbox.ParseRestartPolicy(r.restart)
	if err != nil {
		return nil, usage("%w", err)
	}
	if r.rm && r.restart != "no" {
		return nil, usage("Conflicting options: --restart and --rm")
	}
	if r.detach {
		opts = append(opts, sandbox.WithRestart(policy))
	}
	if !r.rm {
		opts = append(opts, sandbox.WithKeepVolumes())
	}
	mounts, err := r.mounts.options()
	if err != nil {
		return nil, usage("%w", err)
	}
	opts = append(opts, mounts...)
	if r.stopSignal != "" {
		sig, ok := signals[r.stopSignal]
		if !ok {
			return nil, usage("Invalid signal: %s", r.stopSignal)
		}
		opts = append(opts, sandbox.WithStop(sig, 10*time.Second))
	}
	return opts, nil
}

var signals = map[string]syscall.Signal{
	"TERM": syscall.SIGTERM, "SIGTERM": syscall.SIGTERM, "KILL": syscall.SIGKILL, "USR1": syscall.SIGUSR1, "INT": syscall.SIGINT, "SIGINT": syscall.SIGINT, "HUP": syscall.SIGHUP,
}

// pairs makes a map of "key=value".
func pairs(l []string) map[string]string {
	m := make(map[string]string, len(l))
	for _, kv := range l {
		key, value, _ := strings.Cut(kv, "=")
		m[key] = value
	}
	return m
}

func (o *own) run(ctx context.Context, c call, args []string) error {
	var r runOptions
	args, err := flags(args, 1, r.define)
	if err != nil {
		return err
	}
	opts, err := r.options()
	if err != nil {
		return err
	}
	b := &box{log: filepath.Join(o.dir, fmt.Sprintf("log%d", len(o.boxes))), autoRemove: r.rm}
	opts = append(opts, sandbox.WithImage(args[0]), sandbox.WithImageStore(o.images), sandbox.WithPull(sandbox.PullNever),
		sandbox.WithState(o.state), sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: b.log}))
	if len(args) > 1 {
		opts = append(opts, sandbox.WithCommand(args[1], args[2:]...))
	}
	if !r.detach {
		opts = append(opts, sandbox.WithStdout(c.stdout), sandbox.WithStderr(c.stderr))
	}
	if r.interactive {
		opts = append(opts, sandbox.WithStdin(c.stdin))
	}
	if b.Sandbox, err = sandbox.New(opts...); err != nil {
		return &fail{125, err}
	}
	if err := b.Start(ctx); err != nil {
		return &fail{startCode(err), errors.Join(err, b.Close())}
	}
	o.mu.Lock()
	o.boxes[b.ID()] = b
	o.mu.Unlock()
	if r.detach {
		fmt.Fprintln(c.stdout, b.ID())
		return nil
	}
	_, err = b.Wait(ctx)
	if r.rm {
		err = errors.Join(err, o.remove(b))
	}
	return err
}

// startCode is what docker's client exits with when a start fails.
func startCode(err error) int {
	switch {
	case errors.Is(err, sandbox.ErrNotFound):
		return 127
	case errors.Is(err, iofs.ErrPermission):
		return 126
	}
	return 125
}

// remove is docker rm.
func (o *own) remove(b *box) error {
	o.mu.Lock()
	delete(o.boxes, b.ID())
	o.mu.Unlock()
	return errors.Join(b.Close(), os.RemoveAll(b.log))
}

func (o *own) exec(ctx context.Context, c call, args []string) error {
	var r runOptions
	args, err := flags(args, 2, r.define)
	if err != nil {
		return err
	}
	b, err := o.find(args[0])
	if err != nil {
		return err
	}
	opts := []sandbox.ProcOption{sandbox.WithCommand(args[1], args[2:]...), sandbox.WithEnv(r.env...)}
	if r.dir != "" {
		opts = append(opts, sandbox.WithDir(r.dir))
	}
	if r.user != "" {
		opts = append(opts, sandbox.WithUser(r.user))
	}
	if !r.detach {
		opts = append(opts, sandbox.WithStdout(c.stdout), sandbox.WithStderr(c.stderr))
	}
	p, err := b.Exec(ctx, opts...)
	switch {
	case errors.Is(err, sandbox.ErrNotRunning), errors.Is(err, sandbox.ErrPaused):
		return err
	case err != nil:
		return &fail{126, err}
	case r.detach:
		return nil
	}
	_, err = p.Wait(ctx)
	return err
}

func (o *own) rm(ctx context.Context, c call, args []string) error {
	var force, volumes bool
	args, err := flags(args, 1, func(f *flag.FlagSet) {
		f.BoolVar(&force, "f", false, "")
		f.BoolVar(&volumes, "v", false, "")
	})
	if err != nil {
		return err
	}
	return o.each(c, args, func(b *box) error {
		view, err := o.state.Lookup(b.ID())
		if err == nil && !force && view.Status.State.Runs() {
			err = fmt.Errorf("You cannot remove a running container %s", b.ID())
		}
		if err != nil {
			return err
		}
		var anonymous []string
		if volumes {
			if anonymous, err = o.anonymous(b); err != nil {
				return err
			}
		}
		return errors.Join(o.remove(b), o.dropVolumes(ctx, anonymous))
	})
}

func (o *own) ps(ctx context.Context, c call, args []string) error {
	var l state.ListOptions
	var format string
	var quiet, noTrunc bool
	var filters list
	_, err := flags(args, 0, func(f *flag.FlagSet) {
		f.BoolVar(&l.All, "a", false, "")
		f.BoolVar(&quiet, "q", false, "")
		f.BoolVar(&noTrunc, "no-trunc", false, "")
		f.StringVar(&format, "format", "", "")
		f.Var(&filters, "filter", "")
	})
	if err != nil {
		return err
	}
	for _, f := range filters {
		filter, err := state.ParseFilter(f)
		if err != nil {
			return err
		}
		l.Filters = append(l.Filters, filter)
	}
	all, err := o.state.List(ctx, l)
	if err != nil || format == "" {
		return errors.Join(err, state.FormatTable(c.stdout, all, state.TableOptions{Quiet: quiet, NoTrunc: noTrunc}))
	}
	for i := range all {
		s := &all[i]
		if err := expand(c.stdout, format, map[string]any{
			"ID": state.ShortID(s.Record.ID), "Names": s.Record.Name, "Image": s.Record.Image, "State": string(s.Status.State), "Status": s.String(),
		}); err != nil {
			return err
		}
	}
	return nil
}
