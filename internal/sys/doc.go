// Package sys is the project's door to the kernel: the few system calls that
// package os and package syscall do not offer, the constants that go with
// them under the kernel's own names, and FD, the one type that owns a
// descriptor. It is the only package that imports golang.org/x/sys/unix.
package sys
