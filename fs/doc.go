// Package fs describes the file system of a sandbox: where its root comes from
// ([Root]), what is mounted into it ([Mount]), and which paths are hidden.
//
// All of it happens in the sandbox's own mount namespace: nothing that this
// package plans is ever visible in the host's mount table, so nothing is left
// there, whatever ends when. Targets are resolved inside the root by the
// kernel (openat2 with RESOLVE_IN_ROOT); a symbolic link in an untrusted root
// cannot lead a mount out of it.
package fs
