package program

import (
	"encoding/binary"
	"fmt"

	"github.com/sandkit/sandkit/internal/sys"
)

// Stdin is the standard input of a main process that has its files, or of a
// further process.
var Stdin = FD{num: 0}

var ttyRequests = []flag{
	{sys.TIOCSPTLCK, "TIOCSPTLCK"},
	{sys.TIOCSWINSZ, "TIOCSWINSZ"},
	{sys.TIOCSCTTY, "TIOCSCTTY"},
}

// UnlockPTY lets the slave of a pseudo-terminal's master be opened.
func (s *Sequence) UnlockPTY(master FD) Ref {
	return s.add(call(sys.CallIoctl, master.arg(), bits(sys.TIOCSPTLCK, ttyRequests), object(&Object{Bytes: make([]byte, 4), Text: "[0]"})))
}

// WindowSize sets how many rows and columns a terminal has.
func (s *Sequence) WindowSize(tty FD, rows, cols uint16) Ref {
	b := binary.NativeEndian.AppendUint16(nil, rows)
	b = binary.NativeEndian.AppendUint16(b, cols)
	o := &Object{Bytes: append(b, 0, 0, 0, 0), Text: fmt.Sprintf("{%d, %d}", rows, cols)}
	return s.add(call(sys.CallIoctl, tty.arg(), bits(sys.TIOCSWINSZ, ttyRequests), object(o)))
}

// ControllingTerminal makes a terminal that of the session, whose leader this
// process has to be.
func (s *Sequence) ControllingTerminal(tty FD) Ref {
	return s.add(call(sys.CallIoctl, tty.arg(), bits(sys.TIOCSCTTY, ttyRequests), integer(0)))
}

// Standard makes an open file standard input, output and error.
func (s *Sequence) Standard(fd FD) {
	for n := range 3 {
		s.add(call(sys.CallDup3, fd.arg(), integer(n), integer(0)))
	}
}
