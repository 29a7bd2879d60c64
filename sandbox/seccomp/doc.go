// Package seccomp holds system call profiles as data and compiles them into
// the classic BPF programs that seccomp(2) loads. It makes no system call
// itself and works on every operating system; the programs are for Linux on
// amd64 and arm64.
//
// A [Profile] is an immutable value that travels inside a sandbox's Spec as
// JSON. Its zero value is [Default]: an allow list at least as strict as
// Docker's, without foreign architectures, ptrace, io_uring, keyrings,
// userfaultfd and the terminal ioctls that type for the user. [Strict] also
// closes the ways in which sandboxes sharing read-only files can signal each
// other, [Unconfined] loads nothing, and [Parse] reads profiles written for
// Docker or for an OCI runtime.
//
// # How a call is judged
//
// Every rule that names the call, whose capabilities, architecture and kernel
// version fit the [Target] and whose argument conditions all hold, matches. Of
// the matching rules the strictest action wins, whatever their order: kill
// process, kill thread, trap, errno, trace, log, allow. That is how the kernel
// itself combines several filters. When no rule matches, the default action
// is taken, with these exceptions, decided before any rule:
//
//   - A call of another architecture (int 0x80 from a 64-bit process, a 32-bit
//     program) kills the process with SIGSYS. Such a program cannot run at all,
//     and a signal says so better than a crash after a first ENOSYS would.
//   - An x32 call on amd64 gives ENOSYS, the answer of a kernel built without it.
//   - A call with a number above every one that the profile names gives ENOSYS
//     when the default action would refuse it, so that a libc that tries a new
//     call falls back to an older one instead of failing with EPERM.
package seccomp
