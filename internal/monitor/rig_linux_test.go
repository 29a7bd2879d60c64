package monitor

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/sandbox/logs"
)

// patience bounds what may hang when something is broken.
const patience = time.Minute

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// rig is a monitor whose process 1 is this test.
type rig struct {
	dir     string // with everything
	child   *exec.Cmd
	control *os.File    // process 1's end
	conn    *os.File    // the first client
	out     [2]*os.File // what process 1's program writes to
	log     string
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// newRig starts a monitor. The log is empty, or has begun.
func newRig(t testing.TB, change func(*Sandbox)) *rig {
	t.Helper()
	r := &rig{dir: t.TempDir()}
	r.log = filepath.Join(r.dir, "log")
	if err := os.Chmod(r.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.child = exec.Command("cat") // until its standard input ends
	if _, err := r.child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := r.child.Start(); err != nil {
		t.Fatal(err)
	}
	file := must[*os.File](t)
	local, remote, err := sys.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	r.control = remote.File("process 1")
	s := &Sandbox{ID: strings.Repeat("a", 64), Token: strings.Repeat("b", 16), PID: r.child.Process.Pid, MainPID: 2, LogName: "log", LogMode: 0o640}
	s.Control = local.File("control")
	s.PIDFD = must[*sys.FD](t)(sys.OpenPidfd(s.PID)).File("pidfd")
	s.Lock = file(os.CreateTemp(r.dir, "lock"))
	s.Box, s.Records, s.LogDir = file(os.Open(r.dir)), file(os.Open(r.dir)), file(os.Open(r.dir))
	s.End = file(os.OpenFile(filepath.Join(r.dir, "end.new"), os.O_RDWR|os.O_CREATE, 0o600))
	s.Listen = file(Listen(s.Box))
	for i, end := range []**os.File{&s.Out, &s.Err} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		*end, r.out[i] = read, write
	}
	l := must[*logs.JSONFile](t)(logs.OpenJSONFile(r.log, logs.JSONFileOptions{}))
	s.LogLock = file(l.Detach())
	if change != nil {
		change(s)
	}
	r.conn = file(Start(testContext(t), s))
	s.Close()
	t.Cleanup(func() {
		r.control.Close() // ends the monitor, and that the child
		_, _ = io.Copy(io.Discard, r.conn)
		r.conn.Close()
		_ = r.child.Process.Kill()
		_ = r.child.Wait()
		for _, f := range r.out {
			f.Close()
		}
	})
	return r
}

// end tells that process 1 has ended so, and gives what is written about it.
func (r *rig) end(t testing.TB, status uint32) string {
	t.Helper()
	b := make([]byte, messageSize+144)
	binary.NativeEndian.PutUint32(b, 3)
	binary.NativeEndian.PutUint32(b[4:], status)
	binary.NativeEndian.PutUint64(b[messageSize:], 7)
	if _, err := r.control.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := r.child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.child.Wait() // killed
	if err := r.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	told, err := io.ReadAll(r.conn)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) || string(told) != string(b) {
		t.Fatalf("the client was told %x, %v", told, err)
	}
	text, err := os.ReadFile(filepath.Join(r.dir, "end"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
