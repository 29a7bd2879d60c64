// Package program describes the set-up of a sandbox as data: an ordered list
// of system calls that the launcher (package internal/launch) executes, one
// after another, in the processes that become the sandbox.
//
// A [Program] has two sequences. Init is executed by the process that becomes
// process 1 of the sandbox, Main by the main process until its execve. A call
// that yields a descriptor gives an [FD], which later calls take as argument;
// descriptors of the host program are handed in with [Program.Pass].
//
// A Program is pure data: building one touches nothing, [Program.String]
// prints it as strace would, and tests compare that text.
package program
