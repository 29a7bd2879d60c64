// Package plugin runs plugins of hosts that use hashicorp/go-plugin in
// sandboxes. A [Runner] is what such a host calls a runner.Runner; it needs
// nothing of go-plugin but that interface's shape:
//
//	plugins.NewClient(&plugins.ClientConfig{
//		SkipHostEnv: true,
//		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
//			cmd.Path = "/opt/plugins/kv"
//			return plugin.New(cmd, dir, sandbox.WithMemory(256<<20))
//		},
//		// ...
//	})
//
// # What the plugin gets
//
// The environment is that of the command and nothing else. go-plugin puts the
// host program's own environment there, unless SkipHostEnv is set. There is no
// network and no capability, also with an image, unless options say otherwise.
// The program that the command names is shown read-only, at the path that it has
// on the host; programs of the host find their libraries in the default root.
// Without a path, options or the image say what runs.
//
// # Sockets
//
// The directory that go-plugin makes for sockets is shown read-only at [Dir], so
// that the plugin reaches the host program's sockets. A directory inside of it is
// the plugin's to write; its sockets are where the plugin cannot exchange them
// when the host program connects: PluginToHost gives each another name first, and
// refuses what is no socket. What a plugin writes there takes space on the host.
//
// Inside, the plugin is user 0, who is the owner of the directory on both sides.
// With [sandbox.WithUser], or an image that names a user, a host program that is
// root has to name the user's group in UnixSocketConfig.Group, as a number.
//
// A host program that is root needs the directory on a file system that supports
// idmapped mounts (Linux 5.12; tmpfs since 6.3; overlayfs does not), and
// UnixSocketConfig.TempDir says where. [sandbox.BestEffort] for a mount or a root
// lets this drop away as well, and then only [sandbox.WithHostUsers] lets a plugin
// write there.
//
// Another host program cannot take a plugin over: it ends with its own. Within
// one, [Runner.Reattach] is for go-plugin's ReattachConfig.ReattachFunc.
package plugin
