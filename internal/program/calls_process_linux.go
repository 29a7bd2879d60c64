package program

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// Fork makes a copy of this process as another child of the host program, in
// the given new namespaces (clone with CLONE_PARENT). The copy goes on with
// the sequence; this process reports its pid and ends.
func (s *Sequence) Fork(namespaces int) Ref {
	st := call(sys.CallClone, bits(namespaces|sys.CLONE_PARENT|17, cloneFlags), null(), null(), null(), null())
	st.flags |= stepFork
	return s.add(st)
}

// Spawn makes the main process in the given new namespaces; it shares memory,
// not descriptors, with this one and executes the Main sequence.
func (s *Sequence) Spawn(namespaces int) Ref {
	return s.add(call(opSpawn, bits(namespaces, cloneFlags)))
}

// Await waits until the other process posts w.
func (s *Sequence) Await(w Word) Ref { return s.add(call(opAwait, w.arg())) }

// Post wakes the process that awaits w.
func (s *Sequence) Post(w Word) Ref { return s.add(call(opPost, w.arg())) }

// Stay turns this process into process 1: it waits for the main process to
// execute, reports, reaps orphans, forwards signals, and ends when the main
// process or the host program does. Nothing follows it.
func (s *Sequence) Stay() Ref { return s.add(call(opStay)) }

// StayIdle is Stay without a main process, which is to end where others execute:
// process 1 goes on, for further processes. A signal that would be forwarded
// ends it, if it ends programs by default.
func (s *Sequence) StayIdle() Ref { return s.add(call(opStay, integer(1))) }

// Exit ends the process.
func (s *Sequence) Exit() Ref { return s.add(call(sys.CallExitGroup, integer(0))) }

// Keep closes every descriptor of this process but those, at most [MaxKept],
// which the host program gets when the main process has executed.
func (s *Sequence) Keep(fds ...FD) Ref {
	if len(fds) > MaxKept {
		panic("BUG: the launcher keeps fewer descriptors")
	}
	s.prog.kept = len(fds)
	args := []Arg{integer(len(fds))}
	for _, fd := range fds {
		args = append(args, fd.arg())
	}
	return s.add(call(opKeep, args...))
}

// MaxKept is how many descriptors the host program can get.
const MaxKept = 3

// HostAlive ends the sandbox here when the host program is gone.
func (s *Sequence) HostAlive() Ref { return s.add(call(opHostAlive)) }

// DefaultSignals sets every signal's disposition to the default and blocks none.
func (s *Sequence) DefaultSignals() Ref { return s.add(call(opDefaultSignals)) }

// Unshare moves the process into new namespaces.
func (s *Sequence) Unshare(namespaces int) Ref {
	return s.add(call(sys.CallUnshare, bits(namespaces, cloneFlags)))
}

// PidfdOpen opens a process by pid (Linux 5.3).
func (s *Sequence) PidfdOpen(pid int) FD {
	return s.fd(call(sys.CallPidfdOpen, integer(pid), integer(0)))
}

// Setns joins namespaces of an open namespace file, or several at once of a
// process given by pidfd (Linux 5.8).
func (s *Sequence) Setns(fd FD, namespaces int) Ref {
	return s.add(call(sys.CallSetns, fd.arg(), bits(namespaces, cloneFlags)))
}

// Sethostname sets the UTS namespace's host name.
func (s *Sequence) Sethostname(name string) Ref {
	return s.add(call(sys.CallSethostname, text(name), integer(len(name))))
}

// Setdomainname sets the UTS namespace's NIS domain name.
func (s *Sequence) Setdomainname(name string) Ref {
	return s.add(call(sys.CallSetdomainname, text(name), integer(len(name))))
}

// LoopbackUp sets the interface lo of the current network namespace up.
func (s *Sequence) LoopbackUp() {
	sock := s.fd(call(sys.CallSocket, integer(sys.AF_INET), integer(sys.SOCK_DGRAM), integer(0)))
	ifr := make([]byte, 40)
	copy(ifr, "lo")
	binary.NativeEndian.PutUint16(ifr[16:], sys.IFF_UP)
	s.add(call(sys.CallIoctl, sock.arg(), hex(sys.SIOCSIFFLAGS), object(&Object{Bytes: ifr, Text: `{"lo", IFF_UP}`})))
	s.Close(sock)
}

// Setsid makes the process the leader of a new session.
func (s *Sequence) Setsid() Ref { return s.add(call(sys.CallSetsid)) }

// Umask sets the file mode creation mask.
func (s *Sequence) Umask(mask uint32) Ref { return s.add(call(sys.CallUmask, octal(mask))) }

// JoinSessionKeyring gives the process a new, anonymous session keyring.
func (s *Sequence) JoinSessionKeyring() Ref {
	return s.add(call(sys.CallKeyctl, integer(sys.KEYCTL_JOIN_SESSION), null()))
}

// Setrlimit sets a resource limit of the process; name is only printed.
func (s *Sequence) Setrlimit(resource int, name string, soft, hard uint64) Ref {
	b := binary.NativeEndian.AppendUint64(nil, soft)
	b = binary.NativeEndian.AppendUint64(b, hard)
	o := &Object{Bytes: b, Text: fmt.Sprintf("{%s: %d, %d}", name, int64(soft), int64(hard))}
	return s.add(call(sys.CallPrlimit, integer(0), integer(resource), object(o), null()))
}

// Execve replaces the process. A file that is open for writing somewhere is
// tried again for a while (ETXTBSY).
func (s *Sequence) Execve(path string, argv, env []string) Ref {
	st := call(sys.CallExecve, text(path), texts(argv), texts(env))
	st.flags |= stepRetryBusy
	return s.add(st)
}

// ExecveAny tries several paths in turn, as execvp(3) does along PATH: it goes
// on when there is no such file, or none that may be executed, and in the end
// reports that one was there (EACCES) or none was (ENOENT).
func (s *Sequence) ExecveAny(paths, argv, env []string) Ref {
	s.prog.made.notes++
	note := Word{-s.prog.made.notes}
	for _, p := range paths {
		r := s.Execve(p, argv, env).Ignore(syscall.ENOENT, syscall.ENOTDIR, syscall.EACCES)
		st := &s.steps[r.n]
		st.note, st.noted = note, true
	}
	return s.add(call(opDenied, note.arg(), integer(int(syscall.ENOENT))))
}
