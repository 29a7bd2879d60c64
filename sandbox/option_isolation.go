package sandbox

import (
	"slices"

	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// WithHostname sets the host name inside. The default is the short id.
func WithHostname(name string) Option {
	return option(func(c *config) {
		if name == "" {
			c.process.problem("WithHostname", "name is empty")
		}
		c.spec.Hostname = name
	})
}

// WithHostUsers gives the sandbox no user namespace of its own: user ids are
// the host's, and root inside is root outside, if without capabilities. Only
// root can ask for it, and it makes a sandbox weaker. Capabilities that are
// added are real ones; with MKNOD or SYS_ADMIN, a cgroup lets programs use the
// standard devices only, unless WithLimits says which. [BestEffort] lets a host
// go without that.
func WithHostUsers() Option {
	return option(func(c *config) {
		c.droppable(DropDevices)
		c.spec.HostUsers = true
	})
}

// WithNamespaces says where namespaces come from. The default is that all are
// new.
func WithNamespaces(s ns.Set) Option {
	s.Clocks = clonePointer(s.Clocks)
	return option(func(c *config) {
		c.droppable(DropClocks)
		c.spec.Namespaces = s
	})
}

// WithSeccomp sets the filter on system calls. The default is
// seccomp.Default.
func WithSeccomp(p seccomp.Profile) Option {
	return option(func(c *config) {
		c.droppable(DropSeccomp)
		c.spec.Seccomp = p
	})
}

// WithLandlock adds a second layer of access rules.
func WithLandlock(l Landlock) Option {
	l.ReadOnly, l.ReadWrite = slices.Clone(l.ReadOnly), slices.Clone(l.ReadWrite)
	return option(func(c *config) {
		c.droppable(DropLandlock)
		c.spec.Landlock = &l
	})
}
