package sandbox

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/sandbox/logs"
	"github.com/sandkit/sandkit/sandbox/state"
)

// An Option configures a sandbox. Later options override earlier ones of the
// same kind; those that add something add up.
type Option interface{ apply(*config) }

// A ProcOption configures a process: the main one, or a further one.
type ProcOption interface {
	Option
	applyProcess(*processConfig)
}

// config is what options fill: the Spec, and what is no data.
type config struct {
	spec       Spec
	process    processConfig
	log        *slog.Logger
	logFunc    func(LogEntry)
	store      *state.Store
	images     imageSource
	openPorts  func(*Sandbox) (publisher, error) // set by what publishes
	volumes    volumeSource
	life       lifeConfig
	bestEffort bool
	detach     bool
	problems   undo.Errors
}

// processConfig is a process: its part of the Spec, and its streams.
type processConfig struct {
	spec     *ProcessSpec
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	extra    []*os.File
	drivers  []logs.Driver // get the output, too
	tty      *terminal     // nil: none
	open     bool          // standard input stays open, and the output is always copied
	fan      *fan          // gets the output, too; nil for nobody
	problems *undo.Errors
	// droppable notes, inside BestEffort, what an option may lose.
	droppable func(Droppable)
}

func newConfig(spec Spec, opts []Option) *config {
	c := &config{spec: spec.clone(), log: slog.New(slog.DiscardHandler)}
	c.process = processConfig{spec: &c.spec.Process, problems: &c.problems, droppable: c.droppable}
	for _, o := range opts {
		if o != nil {
			o.apply(c)
		}
	}
	return c
}

// droppable notes, inside BestEffort, what the option may lose.
func (c *config) droppable(d Droppable) {
	if c.bestEffort && !slices.Contains(c.spec.BestEffort, d) {
		c.spec.BestEffort = append(c.spec.BestEffort, d)
	}
}

func (c *processConfig) problem(option, format string, args ...any) {
	c.problems.Add(fmt.Errorf(option+": "+format, args...))
}

type option func(*config)

func (o option) apply(c *config) { o(c) }

type procOption func(*processConfig)

func (o procOption) apply(c *config)               { o(&c.process) }
func (o procOption) applyProcess(c *processConfig) { o(c) }

// Options makes one option of several: a preset.
func Options(opts ...Option) Option {
	return option(func(c *config) {
		for _, o := range opts {
			if o != nil {
				o.apply(c)
			}
		}
	})
}

// BestEffort lets these options drop away where the host cannot give what they
// ask for: a seccomp filter, a Landlock layer, a time namespace, idmapped
// mounts, supplementary groups, raised resource limits. What was dropped is
// missing from [Result.Protections], is named by the Plan, and is logged. It
// makes nothing else optional: a value that is wrong stays an error.
func BestEffort(opts ...Option) Option {
	return option(func(c *config) {
		before := c.bestEffort
		c.bestEffort = true
		Options(opts...).apply(c)
		c.bestEffort = before
	})
}
