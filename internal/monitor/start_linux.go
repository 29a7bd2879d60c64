package monitor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/sys"
)

// image gives the monitor in a sealed memfd, which goes with the last monitor: a
// program starts few of them. The caller closes it.
func image() (*sys.FD, error) {
	if len(elf) == 0 {
		return nil, &kernel.NotSupportedError{Feature: "monitor for " + runtime.GOARCH, Hint: "sandkit runs on amd64 and arm64"}
	}
	fd, err := sys.SealedExecutable("sandkit-monitor", elf)
	if err != nil {
		return nil, fmt.Errorf("make monitor: %w", err)
	}
	return fd, nil
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// Start starts a monitor and hands the sandbox over. The connection is the first
// to it, and the children are its own. The files stay the caller's, who closes
// them, so that the sandbox ends with the monitor. On error, and when ctx ends
// before, the monitor is gone and the sandbox still the caller's.
func Start(ctx context.Context, s *Sandbox) (*os.File, error) {
	conn, err := start(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("hand over to monitor: %w", err)
	}
	return conn, nil
}

func start(ctx context.Context, s *Sandbox) (_ *os.File, err error) {
	files, has := s.all()
	data, err := s.encode(has)
	if err != nil {
		return nil, err
	}
	fd, err := image()
	if err != nil {
		return nil, err
	}
	program := fd.File("monitor")
	defer program.Close()
	local, remote, err := sys.SocketPair()
	if err != nil {
		return nil, err
	}
	conn, end := local.File("monitor"), remote.File("monitor")
	proc, err := run(program, end)
	if err = errors.Join(err, end.Close()); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	done := bounded(ctx, conn)
	err = hand(conn, data, files)
	if done(); err != nil {
		// It has not begun yet.
		err = errors.Join(ctx.Err(), err, proc.Kill(), conn.Close())
		_, _ = proc.Wait()
		return nil, err
	}
	go func() { _, _ = proc.Wait() }() // it may outlive this program
	return conn, nil
}

// run starts the monitor in a session of its own. It finds its program by the
// number that it is given as; see package launch.
func run(program, end *os.File) (*os.Process, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	proc, err := os.StartProcess("/proc/self/fd/4", []string{"sandkit-monitor"}, &os.ProcAttr{
		Dir: "/", Env: []string{}, Files: []*os.File{null, null, null, end, program},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, fmt.Errorf("start monitor: %w", err)
	}
	return proc, nil
}

// hand sends the hand-over and waits until it has arrived.
func hand(conn *os.File, data []byte, files []*os.File) error {
	if err := send(conn, data, files); err != nil {
		return err
	}
	kind, _, _, err := receive(conn, nil, 0)
	if errors.Is(err, io.EOF) {
		err = errors.New("it has ended at once")
	}
	if err == nil && kind != msgReady {
		err = fmt.Errorf("BUG: message %d from monitor", kind)
	}
	if err == nil {
		_, err = conn.Write(order(cmdAdopted))
	}
	return err
}

func send(conn *os.File, data []byte, files []*os.File) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	fds := make([]int, len(files))
	for i, f := range files {
		fd, err := sys.Duplicate(f) // Fd would let the original block
		if err != nil {
			return err
		}
		defer fd.Close()
		fds[i] = fd.Int()
	}
	for len(data) > 0 {
		n, err := sys.SendFiles(raw, data, fds, true)
		if err != nil {
			return err
		}
		data, fds = data[n:], nil
	}
	return nil
}

// receive takes a message with the descriptors that come along.
func receive(conn *os.File, files *[]*os.File, most int) (kind, arg uint32, value uint64, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, 0, 0, err
	}
	b := make([]byte, messageSize)
	if most == 0 {
		_, err = io.ReadFull(conn, b)
	} else {
		var got []*sys.FD
		got, err = sys.ReceiveFiles(raw, b, most)
		for _, fd := range got {
			*files = append(*files, fd.File("from monitor"))
		}
	}
	e := binary.NativeEndian
	return e.Uint32(b), e.Uint32(b[4:]), e.Uint64(b[8:]), err
}
