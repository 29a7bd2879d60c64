package sandbox

import (
	"io"
	iofs "io/fs"
	"os"
	"slices"
)

// WithCommand sets the program and its arguments. A name without a slash is
// looked up along PATH, inside the sandbox.
func WithCommand(name string, args ...string) ProcOption {
	command := append([]string{name}, args...)
	return procOption(func(c *processConfig) { c.spec.Command = slices.Clone(command) })
}

// WithIdle makes a sandbox without a program of its own, for [Sandbox.Exec]: it
// lives until it is ended, or the host program dies, and needs nothing in its
// root. It costs what process 1 does, some tens of KiB. User, directory,
// capabilities and so on are tried at the start and are what further processes
// begin with; standard streams are theirs alone. [Sandbox.Signal] ends it, if the
// signal ends programs by default. With the capability SYS_ADMIN each further
// process has its mounts for itself.
func WithIdle() Option {
	return option(func(c *config) { c.spec.Idle = true })
}

// WithEnv adds environment variables, "KEY=VALUE"; the last of a key wins.
// Nothing is inherited from the host program; PATH, HOME and HOSTNAME are set
// unless given.
func WithEnv(kv ...string) ProcOption {
	kv = slices.Clone(kv)
	return procOption(func(c *processConfig) { c.spec.Env = append(c.spec.Env, kv...) })
}

// WithDir sets the working directory, an absolute path inside. The default is
// "/".
func WithDir(dir string) ProcOption {
	return procOption(func(c *processConfig) {
		if dir == "" {
			c.problem("WithDir", "path is empty")
		}
		c.spec.Dir = dir
	})
}

// WithUser sets who the process runs as: "uid", "uid:gid", "name" or
// "name:group", names as in the root's /etc/passwd and /etc/group. The default
// is user 0, who is nobody outside.
func WithUser(user string) ProcOption {
	return procOption(func(c *processConfig) {
		if user == "" {
			c.problem("WithUser", "user is empty, want uid, uid:gid, name or name:group")
		}
		c.spec.User = user
	})
}

// WithGroups adds supplementary groups, as ids inside, to those that
// /etc/group gives the user.
func WithGroups(gids ...uint32) ProcOption {
	gids = slices.Clone(gids)
	return procOption(func(c *processConfig) {
		c.droppable(DropGroups)
		c.spec.Groups = append(c.spec.Groups, gids...)
	})
}

// WithStdin sets what the process reads. An *os.File is handed over as it is
// and stays the caller's; another reader is copied into a pipe, and Wait does
// not wait for it. Nil means the null device, which is the default.
func WithStdin(r io.Reader) ProcOption {
	return procOption(func(c *processConfig) { c.stdin = r })
}

// WithStdout sets where standard output goes. An *os.File is handed over as it
// is and stays the caller's; to any other writer the output is copied through a
// pipe until Wait returns. Nil means the null device, which is the default. If
// standard output and standard error are the same writer, it gets one call at a
// time.
func WithStdout(w io.Writer) ProcOption {
	return procOption(func(c *processConfig) { c.stdout = w })
}

// WithStderr sets where standard error goes; see [WithStdout].
func WithStderr(w io.Writer) ProcOption {
	return procOption(func(c *processConfig) { c.stderr = w })
}

// WithExtraFiles hands over open files, which become descriptors 3, 4 and so
// on. They stay the caller's, who may close them when Start has returned. A
// directory gives the process a way out of its root and is refused.
func WithExtraFiles(f ...*os.File) ProcOption {
	f = slices.Clone(f)
	return procOption(func(c *processConfig) { c.extra = append(c.extra, f...) })
}

// WithCapabilities adds capabilities, such as "NET_BIND_SERVICE" or "CAP_CHOWN",
// that root inside has and that programs may gain. They count inside the
// sandbox's user namespace, over its own files, processes and network, and not
// on the host. The default is none.
func WithCapabilities(add ...string) ProcOption {
	add = slices.Clone(add)
	return procOption(func(c *processConfig) { c.spec.Capabilities = append(c.spec.Capabilities, add...) })
}

// WithAmbientCapabilities adds capabilities that the process has also when it
// does not run as root inside.
func WithAmbientCapabilities(add ...string) ProcOption {
	add = slices.Clone(add)
	return procOption(func(c *processConfig) {
		c.spec.AmbientCapabilities = append(c.spec.AmbientCapabilities, add...)
	})
}

// WithRlimit sets a resource limit, such as "nofile", as setrlimit(2) has it;
// [RlimitInfinity] means none. By default "core" is 0 and the others are the
// host program's. A hard limit above the host program's needs root with
// CAP_SYS_RESOURCE.
func WithRlimit(resource string, soft, hard uint64) ProcOption {
	return procOption(func(c *processConfig) {
		c.droppable(DropRlimits)
		c.spec.Rlimits = append(c.spec.Rlimits, Rlimit{resource, soft, hard})
	})
}

// WithUmask sets the file mode creation mask. The default is 022.
func WithUmask(mask iofs.FileMode) ProcOption {
	return procOption(func(c *processConfig) { c.spec.Umask = &mask })
}

// WithNewPrivileges lets set-user-ID programs and file capabilities of a root
// directory work (no PR_SET_NO_NEW_PRIVS). Mounts and the host's tools never
// honour them.
func WithNewPrivileges() ProcOption {
	return procOption(func(c *processConfig) { c.spec.NewPrivileges = true })
}
