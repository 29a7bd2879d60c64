package launch

import (
	"encoding/binary"
	"fmt"
	"os"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// An outbox holds what has yet to be sent to a launcher.
type outbox struct{ packets []packet }

// A packet is data with descriptors attached to its first byte.
type packet struct {
	data  []byte
	files []int
}

// addPart queues a part of a Program with the files for process 1 and those for
// the main process.
func (o *outbox) addPart(part program.Part, files, mainFiles []*os.File) error {
	if len(files) > maxFiles {
		return fmt.Errorf("program passes %d files, at most %d can be", len(files), maxFiles)
	}
	messages := (len(mainFiles) + maxFiles - 1) / maxFiles
	data := make([]byte, headerSize, headerSize+len(part.Code))
	e := binary.NativeEndian
	e.PutUint32(data, magic)
	e.PutUint32(data[4:], uint32(len(part.Code)))
	e.PutUint32(data[8:], part.Main)
	e.PutUint32(data[12:], uint32(messages))
	e.PutUint64(data[16:], part.Files)
	o.packets = append(o.packets, packet{append(data, part.Code...), descriptors(files)})
	for len(mainFiles) > 0 {
		n := min(len(mainFiles), maxFiles)
		o.packets = append(o.packets, packet{make([]byte, 8), descriptors(mainFiles[:n])})
		mainFiles = mainFiles[n:]
	}
	return nil
}

func descriptors(files []*os.File) []int {
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	return fds
}

// send sends what there is. Without wait it stops when the socket is full, and
// what is left has to be sent when somebody reads.
func (o *outbox) send(control *os.File, wait bool) error {
	conn, err := control.SyscallConn()
	if err != nil {
		return fmt.Errorf("send program: %w", err)
	}
	for len(o.packets) > 0 {
		p := &o.packets[0]
		n, err := sys.SendFiles(conn, p.data, p.files, wait)
		if err != nil {
			return fmt.Errorf("send program: %w", err)
		}
		if n > 0 {
			p.data, p.files = p.data[n:], nil
		}
		if len(p.data) == 0 {
			o.packets = o.packets[1:]
		} else if !wait {
			return nil
		}
	}
	return nil
}
