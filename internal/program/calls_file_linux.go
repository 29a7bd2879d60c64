package program

import (
	"encoding/binary"

	"github.com/sandkit/sandkit/internal/sys"
)

// Openat opens a path; O_CLOEXEC is added.
func (s *Sequence) Openat(dir FD, path string, flags int, mode uint32) FD {
	return s.fd(call(sys.CallOpenat, dir.arg(), text(path), bits(flags|sys.O_CLOEXEC, openFlags), octal(mode)))
}

// Openat2 opens a path with rules for its resolution (openat2, Linux 5.6);
// O_CLOEXEC is added.
func (s *Sequence) Openat2(dir FD, path string, flags int, resolve uint64) FD {
	b := binary.NativeEndian.AppendUint64(nil, uint64(flags|sys.O_CLOEXEC))
	b = binary.NativeEndian.AppendUint64(b, 0)
	b = binary.NativeEndian.AppendUint64(b, resolve)
	how := &Object{Bytes: b, Text: "{" + printFlags(uint64(flags|sys.O_CLOEXEC), openFlags) + ", " + printFlags(resolve, resolveFlags) + "}"}
	return s.fd(call(sys.CallOpenat2, dir.arg(), text(path), object(how), integer(len(b))))
}

// Close closes a descriptor.
func (s *Sequence) Close(fd FD) Ref { return s.add(call(sys.CallClose, fd.arg())) }

// Write writes data with one call; when not all of it fits, the step fails
// with ENOSPC.
func (s *Sequence) Write(fd FD, data string) Ref {
	st := call(sys.CallWrite, fd.arg(), text(data), integer(len(data)))
	st.flags |= stepWhole
	return s.add(st)
}

// Mkdirat makes a directory; the last component is never followed.
func (s *Sequence) Mkdirat(dir FD, path string, mode uint32) Ref {
	return s.add(call(sys.CallMkdirat, dir.arg(), text(path), octal(mode)))
}

// Mknodat makes a file, a FIFO or a device.
func (s *Sequence) Mknodat(dir FD, path string, mode, rdev uint32) Ref {
	return s.add(call(sys.CallMknodat, dir.arg(), text(path), octal(mode), hex(uint64(rdev))))
}

// Symlinkat makes a symbolic link.
func (s *Sequence) Symlinkat(target string, dir FD, path string) Ref {
	return s.add(call(sys.CallSymlinkat, text(target), dir.arg(), text(path)))
}

// Unlinkat removes a file's name.
func (s *Sequence) Unlinkat(dir FD, path string) Ref {
	return s.add(call(sys.CallUnlinkat, dir.arg(), text(path), bits(0, unlinkFlags)))
}

// Rmdirat removes an empty directory.
func (s *Sequence) Rmdirat(dir FD, path string) Ref {
	return s.add(call(sys.CallUnlinkat, dir.arg(), text(path), bits(sys.AT_REMOVEDIR, unlinkFlags)))
}

// Fchownat changes a file's owner; symbolic links are not followed.
func (s *Sequence) Fchownat(dir FD, path string, uid, gid uint32) Ref {
	return s.add(call(sys.CallFchownat, dir.arg(), text(path), integer(uid), integer(gid), bits(sys.AT_SYMLINK_NOFOLLOW, atFlags)))
}

// Fchmodat changes a file's mode.
func (s *Sequence) Fchmodat(dir FD, path string, mode uint32) Ref {
	return s.add(call(sys.CallFchmodat, dir.arg(), text(path), octal(mode)))
}

// Fchmod changes the mode of an open file.
func (s *Sequence) Fchmod(fd FD, mode uint32) Ref {
	return s.add(call(sys.CallFchmod, fd.arg(), octal(mode)))
}

// Chdir changes the current directory.
func (s *Sequence) Chdir(path string) Ref { return s.add(call(sys.CallChdir, text(path))) }

// Fchdir changes the current directory to an open one.
func (s *Sequence) Fchdir(dir FD) Ref { return s.add(call(sys.CallFchdir, dir.arg())) }

// CloseFrom closes every descriptor from n on (close_range, Linux 5.9).
func (s *Sequence) CloseFrom(n int) Ref {
	return s.add(call(sys.CallCloseRange, integer(n), hex(0xffffffff), integer(0)))
}

// TakeFiles receives what was announced with [Program.PassMain] and puts it at
// descriptors 0, 1, 2 ... No other descriptor but the control socket may be
// open: the files arrive at 1, 2, 3 ..., and each of them moves down by one
// place, in ascending order, so none is overwritten before its turn. The control
// socket, which sits at 0, is gone afterwards, and so is everything else.
func (s *Sequence) TakeFiles() {
	s.add(call(opFiles))
	n := len(s.prog.mainFiles)
	for i := range n {
		s.add(call(sys.CallDup3, integer(controlFD+1+i), integer(i), integer(0)))
	}
	s.CloseFrom(n)
}
