package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sandkit/sandkit/sandbox"
)

// Diagnose says in words what may explain that a plugin does not answer: how it
// ended, what it was started as, and what this host cannot do.
func (r *Runner) Diagnose(ctx context.Context) string {
	var b strings.Builder
	fmt.Fprintf(&b, "plugin %s in sandbox %.12s %s\n", r.name, r.ID(), r.state(ctx))
	spec := r.sandbox.Spec()
	fmt.Fprintf(&b, "command inside: %q, root: %s, user: %s, network: %s\n",
		spec.Process.Command, rootOf(&spec), userOf(&spec), networkOf(r.tcp))
	b.WriteString("A plugin has to print the handshake of go-plugin as the first line of its standard output, " +
		"and to listen in " + socketDirVar + ".\n")
	features, err := sandbox.Probe(ctx)
	if err != nil {
		fmt.Fprintf(&b, "this host cannot be probed: %v\n", err)
		return b.String()
	}
	for _, f := range features.List {
		if !f.OK {
			fmt.Fprintf(&b, "missing on this host: %v\n", f)
		}
	}
	return b.String()
}

// state is where the plugin is in its life.
func (r *Runner) state(ctx context.Context) string {
	r.mu.Lock()
	started, failed := r.started, r.err
	r.mu.Unlock()
	switch {
	case failed != nil:
		if e, ok := errors.AsType[*sandbox.Error](failed); ok && e.Stage != "" {
			return fmt.Sprintf("did not start, at stage %q: %v", e.Stage, failed)
		}
		return fmt.Sprintf("did not start: %v", failed)
	case !started:
		return "was not started"
	}
	now, cancel := context.WithCancel(ctx)
	cancel()
	switch res, err := r.sandbox.Wait(now); { // no wait, in truth
	case res != nil:
		return "has ended: " + res.String()
	case errors.Is(err, sandbox.ErrClosed):
		return "was killed"
	}
	return "runs"
}

func rootOf(spec *sandbox.Spec) string {
	switch {
	case spec.Image.Ref != "":
		return "image " + spec.Image.Ref
	case spec.Root.Dir != "":
		return spec.Root.Dir
	}
	return "the host's tools"
}

func userOf(spec *sandbox.Spec) string {
	switch {
	case spec.Process.User != "":
		return spec.Process.User
	case spec.Image.Ref != "":
		return "the image's"
	}
	return "0"
}

func networkOf(host bool) string {
	if host {
		return "the host's"
	}
	return "of its own"
}
