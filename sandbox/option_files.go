package sandbox

import (
	"slices"

	"github.com/sandkit/sandkit/fs"
)

// WithRootfs makes a directory of the host the root. It is never written:
// changes go to memory and are gone with the sandbox (overlayfs).
func WithRootfs(dir string) Option {
	return option(func(c *config) {
		c.droppable(DropIDMap)
		c.checkDir("WithRootfs", dir)
		c.spec.Root.Dir, c.spec.Root.Writable = dir, false
	})
}

// WithRootfsWritable makes a directory of the host the root, which the sandbox
// may change.
func WithRootfsWritable(dir string) Option {
	return option(func(c *config) {
		c.droppable(DropIDMap)
		c.checkDir("WithRootfsWritable", dir)
		c.spec.Root.Dir, c.spec.Root.Writable = dir, true
	})
}

// checkDir refuses what the Spec would take for "no directory".
func (c *config) checkDir(option, dir string) {
	if dir == "" {
		c.process.problem(option, "path is empty")
	}
}

// WithReadOnlyRootfs forbids changes to the root; mounts keep their own rules.
func WithReadOnlyRootfs() Option {
	return option(func(c *config) { c.spec.Root.ReadOnly = true })
}

// WithScratchSize limits what the sandbox may write into a root that is not
// written to the host. The default is fs.DefaultScratchSize.
func WithScratchSize(bytes int64) Option {
	return option(func(c *config) {
		if bytes <= 0 {
			c.process.problem("WithScratchSize", "%d bytes, want more than 0", bytes)
		}
		c.spec.Root.ScratchSize = bytes
	})
}

// WithMount adds a mount: fs.Bind, fs.BindRO, fs.Tmpfs, fs.File, fs.Volume,
// fs.Anonymous. Mounts are made in the order of their targets' depth, so that one
// can lie in another. For volumes see WithVolumeStore.
func WithMount(m fs.Mount) Option {
	m.Content = slices.Clone(m.Content)
	return option(func(c *config) {
		c.droppable(DropIDMap)
		c.spec.Mounts = append(c.spec.Mounts, m)
		c.volumes.use = (*Sandbox).useVolumes
	})
}

// WithProc says how much /proc shows.
func WithProc(p fs.Proc) Option {
	return option(func(c *config) { c.spec.Proc = p })
}

// WithMaskedPaths replaces the list of paths that are hidden
// (fs.DefaultMasked); without paths nothing is. Below /proc and /sys a "*" stands
// for any part of a name.
func WithMaskedPaths(paths ...string) Option {
	list := append([]string{}, paths...)
	return option(func(c *config) { c.spec.MaskedPaths = list })
}

// WithReadOnlyPaths replaces the list of paths that are protected from writing
// (fs.DefaultReadOnly); without paths none is. A "*" is as in WithMaskedPaths.
func WithReadOnlyPaths(paths ...string) Option {
	list := append([]string{}, paths...)
	return option(func(c *config) { c.spec.ReadOnlyPaths = list })
}
