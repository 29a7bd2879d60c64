package sandbox

import (
	"log/slog"
	"os"
	"syscall"
	"time"
)

// WithName sets the name by which errors and logs call the sandbox. The default
// is the short id.
func WithName(name string) Option {
	return option(func(c *config) {
		if name == "" {
			c.process.problem("WithName", "name is empty")
		}
		c.spec.Name = name
	})
}

// WithTimeout kills the sandbox when it runs longer than d, counted from Start.
// The error matches [ErrTimeout].
func WithTimeout(d time.Duration) Option {
	return option(func(c *config) {
		if d <= 0 {
			c.process.problem("WithTimeout", "%v, want more than 0", d)
		}
		c.spec.Timeout = d
	})
}

// WithoutTimeout takes an earlier WithTimeout back, for who starts sandboxes with
// the options of others and counts otherwise.
func WithoutTimeout() Option {
	return option(func(c *config) { c.spec.Timeout = 0 })
}

// WithStop sets the signal that Stop sends to the program, and how long the
// program may take before everything is killed. The default is SIGTERM and
// 10 seconds.
func WithStop(sig os.Signal, grace time.Duration) Option {
	return option(func(c *config) {
		s, ok := sig.(syscall.Signal)
		if !ok {
			c.process.problem("WithStop", "signal %v is no syscall.Signal", sig)
		}
		if grace <= 0 {
			c.process.problem("WithStop", "grace %v, want more than 0", grace)
		}
		c.spec.Stop = StopPolicy{Signal: s, Grace: grace}
	})
}

// WithLogger sets where the sandbox logs: what was dropped by BestEffort, and
// the steps of its life at debug level. The default is nowhere.
func WithLogger(l *slog.Logger) Option {
	return option(func(c *config) {
		if l != nil {
			c.log = l
		}
	})
}
