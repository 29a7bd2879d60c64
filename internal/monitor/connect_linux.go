package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

// SocketName is the name of the socket in the directory given to [Listen].
const SocketName = "monitor.sock"

// backlog is how many connections may wait.
const backlog = 64

// Listen makes the socket that others connect to, in place of one that a monitor
// before has left. Only the user himself can reach it. The caller closes it.
func Listen(dir *os.File) (*os.File, error) {
	if err := RemoveSocket(dir); err != nil {
		return nil, err
	}
	fd, err := sys.ListenUnix(dir, SocketName, backlog)
	if err != nil {
		return nil, err
	}
	return fd.File(SocketName), nil
}

// RemoveSocket removes it; one that is not there is fine.
func RemoveSocket(dir *os.File) error {
	err := os.Remove(dir.Name() + "/" + SocketName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ErrGone says that there is no monitor.
var ErrGone = errors.New("there is no monitor")

// A Link is a connection to a monitor.
type Link struct {
	Conn          *os.File
	PID, MainPID  int      // of process 1; of the main process inside
	PIDFD         *os.File // of process 1
	Root, Changes *os.File // may be nil
}

// Close closes all that the link has.
func (l *Link) Close() {
	for _, f := range []*os.File{l.Conn, l.PIDFD, l.Root, l.Changes} {
		if f != nil {
			f.Close()
		}
	}
}

// Connect connects to the monitor of a sandbox, by the directory that its socket
// is in. The error matches [ErrGone] when there is none, and then [fs.ErrNotExist]
// when nobody has killed it. The caller closes the link.
func Connect(ctx context.Context, dir string) (*Link, error) {
	l, err := connect(ctx, dir)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		err = fmt.Errorf("%w: %w", ErrGone, err)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to monitor: %w", err)
	}
	return l, nil
}

func connect(ctx context.Context, dir string) (*Link, error) {
	d, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	fd, err := sys.ConnectUnix(d, SocketName)
	if err != nil {
		return nil, err
	}
	l := &Link{Conn: fd.File("monitor")}
	defer bounded(ctx, l.Conn)()
	var files []*os.File
	kind, pid, value, err := receive(l.Conn, &files, 3)
	l.PID, l.MainPID = int(pid), int(uint32(value))
	want := 1 + bits.OnesCount64(value>>32)
	if err == nil && (kind != msgHello || len(files) != want) {
		err = fmt.Errorf("message %d with %d files from monitor", kind, len(files))
	}
	for i, to := range []**os.File{&l.PIDFD, &l.Root, &l.Changes}[:min(3, len(files))] {
		*to = files[i]
	}
	if err != nil {
		l.Close()
		return nil, errors.Join(err, ctx.Err())
	}
	return l, nil
}

// bounded ends what is read and written when ctx ends, until it is undone.
func bounded(ctx context.Context, conn *os.File) (undo func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(past) // it is a socket
		close(done)
	})
	return func() {
		if !stop() {
			<-done
			_ = conn.SetDeadline(time.Time{})
		}
	}
}

// Adopt takes the sandbox back from the monitor, which ends. The caller closes
// the files, and the link in any case. When it fails the monitor goes on.
func (l *Link) Adopt(ctx context.Context) (*Files, [2][]byte, error) {
	f, pending, err := l.adopt(ctx)
	if err != nil {
		return nil, pending, fmt.Errorf("adopt from monitor: %w", errors.Join(err, ctx.Err()))
	}
	return f, pending, nil
}

func (l *Link) adopt(ctx context.Context) (_ *Files, pending [2][]byte, err error) {
	defer bounded(ctx, l.Conn)()
	if _, err := l.Conn.Write(order(cmdAdopt)); err != nil {
		return nil, pending, err
	}
	var files []*os.File
	kind, has, value, err := receive(l.Conn, &files, 250)
	f := &Files{}
	for i, slot := range f.slots() {
		if has>>i&1 != 0 && len(files) > 0 {
			*slot, files = files[0], files[1:]
		}
	}
	f.Held = files
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if _, got := f.all(); err == nil && (kind != msgAdopted || got != has) {
		err = fmt.Errorf("message %d with files %#x of %#x from monitor", kind, got, has)
	}
	for i := range pending {
		if err == nil {
			pending[i] = make([]byte, uint32(value>>(32*i)))
			_, err = io.ReadFull(l.Conn, pending[i])
		}
	}
	if f.Listen != nil { // who connects would wait for an answer
		f.Listen.Close()
		f.Listen = nil
	}
	if err == nil {
		_, err = l.Conn.Write(order(cmdAdopted))
	}
	if err != nil {
		return nil, pending, err
	}
	return f, pending, nil
}
