package launch

import (
	"encoding/binary"
	"fmt"
	"io"
	"syscall"
	"unsafe"
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
	cmdSignal  = 16

	noStep = 0xffffffff
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
	e := binary.NativeEndian
	return message{e.Uint32(b[:]), e.Uint32(b[4:]), e.Uint64(b[8:])}, nil
}

func writeMessage(w io.Writer, m message) error {
	b := make([]byte, 0, messageSize)
	b = binary.NativeEndian.AppendUint32(b, m.kind)
	b = binary.NativeEndian.AppendUint32(b, m.arg)
	b = binary.NativeEndian.AppendUint64(b, m.value)
	_, err := w.Write(b)
	return err
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
