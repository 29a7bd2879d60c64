package plugin

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox"
)

// socketDirVar tells the plugin where to make its sockets.
const socketDirVar = "PLUGIN_UNIX_SOCKET_DIR"

// settings makes a sandbox's options of what go-plugin and the host program say.
type settings struct {
	cmd  *exec.Cmd
	dir  *shared
	opts []sandbox.Option

	hostNetwork bool
}

// options gives all of them, in order.
func (s *settings) options() ([]sandbox.Option, error) {
	switch {
	case s.cmd == nil:
		return nil, invalid("there is no command")
	case s.cmd.Err != nil:
		return nil, fmt.Errorf("%w: %w", sandbox.ErrInvalidSpec, s.cmd.Err)
	case s.cmd.Path == "" && len(s.cmd.Args) > 1:
		return nil, invalid("the command has arguments, but no path")
	}
	spec, err := s.asked()
	if err != nil {
		return nil, err
	}
	s.hostNetwork = spec.Namespaces.Net.Mode == ns.Host
	all, err := s.program(&spec)
	if err != nil {
		return nil, err
	}
	all = append(all, sandbox.WithEnv(environment(s.cmd.Env)...), sandbox.WithExtraFiles(s.cmd.ExtraFiles...))
	if s.cmd.Dir != "" {
		all = append(all, sandbox.WithDir(s.cmd.Dir))
	}
	if spec.Image.Ref != "" {
		all = append(all, sandbox.WithoutCapabilities("ALL"))
	}
	all = append(all, s.opts...)
	return append(all,
		sandbox.WithMount(fs.BindRO(s.dir.host, Dir)), sandbox.WithMount(fs.Bind(s.dir.own(), ownDir)),
		sandbox.WithEnv(socketDirVar+"="+ownDir), sandbox.WithStdin(nil)), nil
}

// asked is what the options alone say.
func (s *settings) asked() (sandbox.Spec, error) {
	box, err := sandbox.New(append([]sandbox.Option{sandbox.WithCommand("plugin")}, s.opts...)...)
	if err != nil {
		return sandbox.Spec{}, err
	}
	spec := box.Spec()
	return spec, box.Close()
}

// program shows the command's program, unless the root does.
func (s *settings) program(spec *sandbox.Spec) ([]sandbox.Option, error) {
	if s.cmd.Path == "" {
		return nil, nil
	}
	file, err := filepath.Abs(s.cmd.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: path of the program: %w", sandbox.ErrInvalidSpec, err)
	}
	inside := file
	var all []sandbox.Option
	if below, ok := relative(spec.Root.Dir, file); ok && spec.Root.Dir != "" {
		inside = "/" + below
	} else {
		st, err := os.Stat(file)
		if err != nil {
			return nil, fmt.Errorf("%w: look at the program: %w", sandbox.ErrInvalidSpec, err)
		}
		m := fs.BindRO(file, inside)
		// Where everybody may execute it, its owner does not matter, and neither does
		// whether the file system can map owners.
		m.HostOwners = st.Mode().Perm()&0o005 == 0o005
		all = append(all, sandbox.WithMount(m))
	}
	var args []string
	if len(s.cmd.Args) > 1 {
		args = s.cmd.Args[1:]
	}
	all = append(all, sandbox.WithCommand(inside, args...))
	if spec.Image.Ref != "" {
		all = append(all, sandbox.WithEntrypoint())
	}
	return all, nil
}

// environment is the command's, without the empty entries that os/exec skips.
func environment(given []string) []string {
	var env []string
	for _, kv := range given {
		if kv != "" {
			env = append(env, kv)
		}
	}
	return env
}

func invalid(what string) error {
	return fmt.Errorf("%w: %w", sandbox.ErrInvalidSpec, errors.New(what))
}
