// Package monitor has the program that owns a sandbox in place of the one that
// started it: a freestanding static program of about eleven KiB, embedded like
// the launcher, of which there is one for each detached sandbox. [Start] hands a
// running sandbox over to it, as descriptors; [Connect] finds it again, from any
// process of the same user, and [Adopt] takes the sandbox back.
//
// The monitor speaks process 1's own language (package internal/launch): what a
// connection says to it is passed on, and what process 1 answers goes to whom it
// concerns. It collects the output in json-files, writes down how the sandbox
// ends, and ends with it. When the monitor is killed, so is the sandbox: it has
// the socket that keeps process 1 alive.
package monitor

//go:generate src/build.sh
