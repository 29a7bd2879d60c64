package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

func TestStdin(t *testing.T) {
	testutil.Unchanged(t)
	file, err := os.Open("/proc/sys/kernel/ostype")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cases := map[string]struct {
		in   io.Reader
		want string
	}{
		"nothing":  {nil, ""},
		"nil file": {(*os.File)(nil), ""},
		"reader":   {strings.NewReader("from a reader"), "from a reader"},
		"large":    {strings.NewReader(strings.Repeat("x", 1<<20)), strings.Repeat("x", 1<<20)},
		"file":     {file, "Linux\n"},
	}
	for name, c := range cases {
		out, err := sandbox.Output(testContext(t), sandbox.WithStdin(c.in), sandbox.WithCommand("cat"))
		if err != nil || string(out) != c.want {
			t.Errorf("%s: %d bytes %.40q, %v", name, len(out), out, err)
		}
	}
}

// TestStdinIsNotAwaited: a reader that never ends does not keep Wait waiting.
func TestStdinIsNotAwaited(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close() // and with it the goroutine that reads
	if _, err := sandbox.Run(testContext(t), sandbox.WithStdin(r), sandbox.WithCommand("true")); err != nil {
		t.Error(err)
	}
}

func TestOutputStreams(t *testing.T) {
	testutil.Unchanged(t)
	var out, errOut bytes.Buffer
	if _, err := sandbox.Run(testContext(t), sandbox.WithStdout(&out), sandbox.WithStderr(&errOut),
		sandbox.WithCommand("sh", "-c", "echo out; echo err >&2")); err != nil {
		t.Fatal(err)
	}
	if out.String() != "out\n" || errOut.String() != "err\n" {
		t.Errorf("out %q, err %q", &out, &errOut)
	}
	var both bytes.Buffer
	if _, err := sandbox.Run(testContext(t), sandbox.WithStdout(&both), sandbox.WithStderr(&both),
		sandbox.WithCommand("sh", "-c", "for i in 1 2 3; do echo o$i; echo e$i >&2; done")); err != nil {
		t.Fatal(err)
	}
	if both.String() != "o1\ne1\no2\ne2\no3\ne3\n" {
		t.Errorf("one writer for both got %q", &both)
	}
}

// TestStdoutFile: the very file is handed over, without a copy in between.
func TestStdoutFile(t *testing.T) {
	testutil.Unchanged(t)
	file, err := os.OpenFile(filepath.Join(t.TempDir(), "out"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := sandbox.Run(testContext(t), sandbox.WithStdout(file), sandbox.WithCommand("stat", "-L", "-c", "%i", "/dev/stdout")); err != nil {
		t.Fatal(err)
	}
	st, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file.Name())
	if want := fmt.Sprintln(st.Sys().(*syscall.Stat_t).Ino); err != nil || string(b) != want {
		t.Errorf("inside, standard output is inode %q, %v; want %q", b, err, want)
	}
}

type failingWriter struct{ n int }

var errFull = errors.New("writer is full")

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.n += len(p); w.n > 1<<20 {
		return 0, errFull
	}
	return len(p), nil
}

// TestWriterError: as with os/exec, the process gets SIGPIPE or EPIPE, and the
// error is told when the program did not mind.
func TestWriterError(t *testing.T) {
	testutil.Unchanged(t)
	_, err := sandbox.Run(testContext(t), sandbox.WithStdout(&failingWriter{}), sandbox.WithCommand("cat", "/dev/zero"))
	if exit, ok := errors.AsType[*sandbox.ExitError](err); !ok || exit.Signal != syscall.SIGPIPE {
		t.Errorf("cat into a writer that fails: %v", err)
	}
	_, err = sandbox.Run(testContext(t), sandbox.WithStdout(&failingWriter{}),
		sandbox.WithCommand("sh", "-c", "head -c 3000000 /dev/zero 2>/dev/null; true"))
	if !errors.Is(err, errFull) {
		t.Errorf("error %v does not tell what the writer said", err)
	}
}

// TestOutputIsComplete: whatever is written by whomever, all of it is there
// when Wait returns.
func TestOutputIsComplete(t *testing.T) {
	testutil.Unchanged(t)
	for range 20 {
		out, err := sandbox.Output(testContext(t), sandbox.WithCommand("sh", "-c", "head -c 300000 /dev/zero; (echo end &)"))
		if n := bytes.Count(out, []byte{0}); err != nil || n != 300000 {
			t.Fatalf("%d of 300000 bytes, %v", n, err)
		}
	}
}

// TestEscapedPipe: a process sends its standard output to somebody outside,
// who keeps it open. Wait returns nevertheless, with all that was written.
func TestEscapedPipe(t *testing.T) {
	testutil.Unchanged(t)
	dir := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chmod(l.Addr().String(), 0o666); err != nil {
		t.Fatal(err)
	}
	got := make(chan int, 1)
	go func() { got <- receiveFD(l) }()
	out, err := sandbox.Output(testContext(t), withProbe(t), sandbox.WithMount(fs.Bind(dir, "/run/outside")),
		sandbox.WithCommand(probePath, "say|1|before ", "sendfd|/run/outside/s|1", "say|1|after"))
	if fd := <-got; fd >= 0 {
		defer syscall.Close(fd)
	} else {
		t.Error("the descriptor did not arrive, so nothing was tested")
	}
	if err != nil || !strings.HasPrefix(string(out), "before after") {
		t.Errorf("Output = %q, %v", out, err)
	}
}

// receiveFD takes one descriptor from the first connection.
func receiveFD(l *net.UnixListener) int {
	c, err := l.AcceptUnix()
	if err != nil {
		return -1
	}
	defer c.Close()
	oob := make([]byte, 64)
	_, n, _, _, err := c.ReadMsgUnix(make([]byte, 8), oob)
	if err != nil {
		return -1
	}
	msgs, err := syscall.ParseSocketControlMessage(oob[:n])
	if err != nil || len(msgs) != 1 {
		return -1
	}
	fds, err := syscall.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return -1
	}
	return fds[0]
}

// TestDescriptors: exactly what was handed over is open, in order.
func TestDescriptors(t *testing.T) {
	testutil.Unchanged(t)
	// Descriptors that a careless host program has left open for its children.
	for _, path := range []string{"/", "/etc/passwd"} {
		fd, err := syscall.Open(path, syscall.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
	}
	var files []*os.File
	var ops []string
	for i := range 12 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := fmt.Fprintf(w, "pipe %d", i); err != nil {
			t.Fatal(err)
		}
		w.Close()
		files = append(files, r)
		ops = append(ops, fmt.Sprintf("readfd|%d", 3+i))
	}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		gives(t, probe1(t, options(lane), "fds"), "0 1 2")
	})
	out := probe(t, options(sandbox.WithExtraFiles(files...)), append(ops, "fds")...)
	for i := range files {
		gives(t, out[i], fmt.Sprintf("pipe %d", i))
	}
	gives(t, out[12], "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14")
}

// TestManyExtraFiles: more than one message of the control socket can carry.
func TestManyExtraFiles(t *testing.T) {
	testutil.Unchanged(t)
	const n = 600
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	files := make([]*os.File, n)
	for i := range files {
		files[i] = null
	}
	fds := strings.Fields(probe1(t, options(sandbox.WithExtraFiles(files...)), "fds").Out)
	if len(fds) != n+3 || fds[n+2] != itoa(n+2) {
		t.Errorf("%d descriptors inside, the last is %s", len(fds), fds[len(fds)-1])
	}
}

func TestDirectoriesAreNotHandedOver(t *testing.T) {
	testutil.Unchanged(t)
	dir, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	const oPath = 0x200000
	path, err := os.OpenFile("/", oPath, 0) // no less of a way out
	if err != nil {
		t.Fatal(err)
	}
	defer path.Close()
	if _, err := sandbox.Run(testContext(t), sandbox.WithExtraFiles(path), sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Errorf("a directory that was opened by path only: %v", err)
	}
	for name, o := range map[string]sandbox.Option{
		"WithExtraFiles": sandbox.WithExtraFiles(dir), "WithStdin": sandbox.WithStdin(dir),
		"WithStdout": sandbox.WithStdout(dir), "WithStderr": sandbox.WithStderr(dir),
	} {
		_, err := sandbox.Run(testContext(t), o, sandbox.WithCommand("true"))
		if !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "bind mount") {
			t.Errorf("%s with a directory: %v", name, err)
		}
	}
}
