package launch

import (
	"encoding/binary"
	"fmt"
	"io"
	"syscall"
	"unsafe"

	"github.com/sandkit/sandkit/internal/sys"
)

// The wire format; src/wire.h has the same.
const (
	magic       = 0x316b6e73
	maxFiles    = 250
	headerSize  = 24
	messageSize = 16
	rusageSize  = 144

	msgFailed  = 1
	msgStarted = 2
	msgExited  = 3
	msgForked  = 4

	msgExecStarted = 5
	msgExecFailed  = 6
	msgExecExited  = 7
	msgCleared     = 8
	msgSocket      = 9

	cmdSignal = 16
	cmdExec   = 17
	cmdClear  = 18
	cmdSocket = 19

	noStep = 0xffffffff
	others = 1 << 32 // in msgExecExited
)

type message struct {
	kind, arg uint32
	value     uint64
}

func readMessage(r io.Reader) (message, error) {
	var b [messageSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return message{}, err
	}
	return parseMessage(b), nil
}

func parseMessage(b [messageSize]byte) message {
	e := binary.NativeEndian
	return message{e.Uint32(b[:]), e.Uint32(b[4:]), e.Uint64(b[8:])}
}

// receive reads one message, and keeps the files, at most max, that come with
// it.
func (p *Process) receive(max int) (message, error) {
	if max == 0 {
		return readMessage(p.control)
	}
	conn, err := p.control.SyscallConn()
	if err != nil {
		return message{}, err
	}
	var b [messageSize]byte
	files, err := sys.ReceiveFiles(conn, b[:], max)
	for _, f := range files {
		p.files = append(p.files, f.File("from sandbox"))
	}
	return parseMessage(b), err
}

func writeMessage(w io.Writer, m message) error {
	_, err := w.Write(m.append(make([]byte, 0, messageSize)))
	return err
}

func (m message) append(b []byte) []byte {
	b = binary.NativeEndian.AppendUint32(b, m.kind)
	b = binary.NativeEndian.AppendUint32(b, m.arg)
	return binary.NativeEndian.AppendUint64(b, m.value)
}

// readRusage reads the struct rusage that follows msgExited.
func readRusage(r io.Reader) (*syscall.Rusage, error) {
	var u syscall.Rusage
	if unsafe.Sizeof(u) != rusageSize {
		return nil, fmt.Errorf("BUG: struct rusage has %d bytes here", unsafe.Sizeof(u))
	}
	_, err := io.ReadFull(r, (*[rusageSize]byte)(unsafe.Pointer(&u))[:])
	return &u, err
}
