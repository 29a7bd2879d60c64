// Package sandbox runs programs isolated from the machine and from each other:
// in namespaces of their own, with a root file system of their own, without
// capabilities, and with a filter on system calls.
//
//	out, err := sandbox.Output(ctx,
//		sandbox.WithCommand("sh", "-c", "id; ls /"),
//	)
//
// [New] takes options and touches nothing; [Sandbox.Start] sets everything up
// and returns when the program executes; [Sandbox.Wait] gives its [Result] when
// every process of the sandbox is gone. [Run] and [Output] do all of it. [Command]
// does it in the shape of os/exec. Package sandboxtest is for tests.
//
// Without a root file system the sandbox shows the host's programs read-only
// and otherwise an empty, writable tree; [WithRootfs] shows a directory instead,
// which is never changed. Nothing is inherited: no environment, no
// descriptors, no network but a loopback of its own. Everything works as root
// and as an ordinary user, without a daemon, an installed helper, cgo, or a
// call in the host program's main.
//
// What the host cannot give is an error that matches [ErrNotSupported] and
// names the remedy; [BestEffort] lets an option drop away instead, and
// [Result.Protections] lists what was in force.
//
// All methods are safe for concurrent use.
package sandbox
