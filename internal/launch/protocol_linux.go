package launch

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"

	"github.com/sandkit/sandkit/internal/sys"
)

// The wire format; src/wire.h has the same.
const (
	magic       = 0x316b6e73
	maxFiles    = 250
	headerSize  = 16
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

// sendProgram sends header and program with the files attached, maxFiles a
// message. It never waits for a reader: what does not fit is returned and has
// to follow.
func sendProgram(control *os.File, code []byte, files []*os.File) (rest []byte, err error) {
	conn, err := control.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("send program: %w", err)
	}
	more := max(0, (len(files)-1)/maxFiles)
	data := make([]byte, headerSize, headerSize+len(code))
	binary.NativeEndian.PutUint32(data, magic)
	binary.NativeEndian.PutUint32(data[4:], uint32(len(code)))
	binary.NativeEndian.PutUint32(data[8:], uint32(more))
	for i := 0; ; i++ {
		batch := files[min(len(files), i*maxFiles):min(len(files), (i+1)*maxFiles)]
		if i == more { // the last one takes the program along
			data = append(data, code...)
		}
		n, err := sys.SendFiles(conn, data, descriptors(batch))
		if err != nil {
			return nil, fmt.Errorf("send program: %w", err)
		}
		if i == more {
			return data[n:], nil
		}
		data = make([]byte, 8, 8+len(code))
	}
}

func descriptors(files []*os.File) []int {
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	return fds
}
