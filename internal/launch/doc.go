// Package launch starts a Program (package internal/program): the only place
// of the project that starts a process of a sandbox.
//
// A Go program cannot run Go code between clone and execve, so the set-up of a
// sandbox is done by the launcher, a freestanding static program of about
// three KiB that is embedded here, lies in a sealed memfd, and is started with
// plain [os.StartProcess]. It receives the Program and descriptors over a
// socket, executes the Program step by step, says which step failed with
// which errno, and stays as process 1 of the sandbox. When the host program is
// gone, however it ended, the kernel closes the socket and process 1 ends
// with all of its children. Its source is in src; src/build.sh rebuilds it.
package launch

//go:generate src/build.sh
