// Package sandkit is the front page of an SDK for sandboxed processes on
// Linux; it has no code of its own.
//
// A Go program imports [github.com/sandkit/sandkit/sandbox] and runs other
// programs isolated from the machine and from each other: in namespaces of
// their own, with a root file system of their own, without capabilities, behind
// a filter on system calls. There is no daemon, no helper to install, no cgo,
// and no call in the host program's main.
//
//	out, err := sandbox.Output(ctx, sandbox.WithCommand("sh", "-c", "id; ls /"))
//
// The parts that a sandbox is made of are packages of their own:
//
//   - [github.com/sandkit/sandkit/ns]: namespaces and user ids
//   - [github.com/sandkit/sandkit/fs]: root file systems and mounts
//   - [github.com/sandkit/sandkit/cgroup]: limits, accounting and control
//   - [github.com/sandkit/sandkit/image]: images, their layers, a store, registries and archives
//   - [github.com/sandkit/sandkit/sandbox/seccomp]: filters on system calls
//   - [github.com/sandkit/sandkit/sandbox/logs]: what programs print, stored and read
//   - [github.com/sandkit/sandkit/sandbox/state]: records of sandboxes, for any process
//   - [github.com/sandkit/sandkit/sandbox/plugin]: plugins of hosts that use hashicorp/go-plugin
//
// See docs/architecture.md for how it works and docs/security.md for what it
// protects from.
package sandkit
