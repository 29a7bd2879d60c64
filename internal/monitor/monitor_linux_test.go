package monitor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox/logs"
)

var stamps = regexp.MustCompile(`"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z"\}\n`)

// goLog is what the Go writer makes of the same bytes.
func goLog(t *testing.T, o logs.JSONFileOptions, stream logs.Stream, data []byte) string {
	t.Helper()
	dir := t.TempDir()
	l, err := logs.OpenJSONFile(filepath.Join(dir, "log"), o)
	if err != nil {
		t.Fatal(err)
	}
	w := logs.NewWriter(l, stream, time.Now)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	return allLogs(t, filepath.Join(dir, "log"))
}

// allLogs gives the files of a log, the oldest first, without times.
func allLogs(t *testing.T, path string) string {
	t.Helper()
	var all []byte
	for n := range 20 {
		name := path
		if n > 0 {
			name += fmt.Sprint(".", n)
		}
		b, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		all = append(append([]byte{}, b...), all...)
	}
	lines := bytes.Count(all, []byte("\n"))
	if found := len(stamps.FindAll(all, -1)); found != lines {
		t.Errorf("%d of %d lines have a time as it should be: %.200q", found, lines, all)
	}
	return stamps.ReplaceAllString(string(all), "\n")
}

// someOutput is random, and has of everything that is written in its own way.
func someOutput(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	pieces := []string{
		"\n", "\r\n", "\t", "\x00", "\x7f", `"`, `\`, "<&>", "\u2028", "\u2029", "\u2027", "é", "€", "\U0001f600", "\xff", "\xc0\x80", "\xe2\x80", "\xed\xa0\x80",
		"\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf8", "\xe0\x80\x80", "\xc2", "plain text ", strings.Repeat("€", 5461), strings.Repeat("x", 16383), strings.Repeat("\x01", 16384),
		strings.Repeat("\U0001f600", 4096), "a" + strings.Repeat("\U0001f600", 9000), strings.Repeat("\xe2\x80", 8200),
	}
	var b []byte
	for len(b) < size {
		switch n := r.IntN(10); {
		case n < 7:
			b = append(b, pieces[r.IntN(24)]...)
		case n < 8 && r.IntN(20) == 0:
			b = append(b, pieces[24+r.IntN(len(pieces)-24)]...)
		default:
			for range r.IntN(30) {
				b = append(b, byte(r.Uint32()))
			}
		}
	}
	return b
}

// TestLogIsThatOfGo: byte for byte, whatever is printed.
func TestLogIsThatOfGo(t *testing.T) {
	testutil.Unchanged(t)
	for seed := range uint64(6) {
		data := someOutput(seed, 300<<10)
		o := logs.JSONFileOptions{}
		if seed%2 == 1 {
			o = logs.JSONFileOptions{MaxSize: 20000 * int64(seed), MaxFiles: int(seed)}
		}
		r := newRig(t, func(s *Sandbox) { s.LogSize, s.LogFiles = o.MaxSize, o.MaxFiles })
		which := int(seed % 2)
		rnd := rand.New(rand.NewPCG(seed, 2))
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 1+rnd.IntN(40000))
			if _, err := r.out[which].Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		end := r.end(t, 0x300)
		for _, want := range []string{"sandkit end 1\ntoken bbbbbbbbbbbbbbbb\n", "\nknown 1\nstatus 768\nasked 0\noom 0\nseconds ", "\nuser 7000000\n", "\nlost 0\ncomplete\n"} {
			if !strings.Contains(end, want) {
				t.Errorf("the end is %q", end)
			}
		}
		got, want := allLogs(t, r.log), goLog(t, o, []logs.Stream{logs.Stdout, logs.Stderr}[which], data)
		if got != want {
			i := 0
			for i < min(len(got), len(want)) && got[i] == want[i] {
				i++
			}
			t.Errorf("seed %d, from byte %d on:\n%.200q, want\n%.200q", seed, i, got[i:], want[i:])
		}
	}
}

// TestPendingLine: a line that another has begun to read goes on.
func TestPendingLine(t *testing.T) {
	testutil.Unchanged(t)
	r := newRig(t, func(s *Sandbox) { s.Pending[0] = []byte("half ") })
	if _, err := r.out[0].Write([]byte("line\nnext")); err != nil {
		t.Fatal(err)
	}
	r.end(t, 0)
	if got := allLogs(t, r.log); got != `{"log":"half line\n","stream":"stdout",`+"\n"+`{"log":"next","stream":"stdout",`+"\n" {
		t.Errorf("%q", got)
	}
}

// TestAdopt: everything comes back, and a client who dies with it on the way
// leaves it to the monitor.
func TestAdopt(t *testing.T) {
	testutil.Unchanged(t)
	r := newRig(t, nil)
	if _, err := r.out[1].Write([]byte("begun")); err != nil {
		t.Fatal(err)
	}
	// One who asks and goes.
	gone, err := Connect(testContext(t), r.dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gone.Conn.Write(order(cmdAdopt)); err != nil {
		t.Fatal(err)
	}
	if err := func() error { var f []*os.File; _, _, _, err := receive(gone.Conn, &f, 250); closeAll(f); return err }(); err != nil {
		t.Fatal(err)
	}
	gone.Close()
	l, err := Connect(testContext(t), r.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.PID != r.child.Process.Pid || l.MainPID != 2 || l.Root != nil {
		t.Errorf("%+v", l)
	}
	f, pending, err := l.Adopt(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.ReadAll(l.Conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the monitor goes on: %v", err)
	}
	rest := make([]byte, 100)
	n := 0
	if len(pending[1]) == 0 { // it was not read before
		n, _ = f.Err.Read(rest)
	}
	if got := string(pending[1]) + string(rest[:n]); got != "begun" || f.LogLock == nil || f.Control == nil || f.Lock == nil {
		t.Errorf("%q, %+v", got, f)
	}
	if _, err := Connect(testContext(t), r.dir); !errors.Is(err, ErrGone) {
		t.Errorf("connect: %v", err)
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// TestHostileClients: garbage ends a connection, and who says half of something,
// or does not listen, holds nobody up.
func TestHostileClients(t *testing.T) {
	testutil.Unchanged(t)
	r := newRig(t, nil)
	connect := func() *Link {
		l, err := Connect(testContext(t), r.dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		return l
	}
	word := func(values ...uint32) (b []byte) {
		for _, v := range values {
			b = binary.NativeEndian.AppendUint32(b, v)
		}
		return b
	}
	for name, garbage := range map[string][]byte{
		"kind":     word(99, 0, 0, 0),
		"early":    word(cmdAdopted, 0, 0, 0),
		"clear":    word(18, 0, 0, 0),
		"header":   append(word(17, 0, 0, 0), make([]byte, 24)...),
		"large":    append(word(17, 0, 0, 0), word(0x316b6e73, 1<<30, 0, 0, 0, 0)...),
		"files":    append(word(17, 0, 0, 0), word(0x316b6e73, 16, 0, 0, 5000, 0)...),
		"missing":  append(word(17, 0, 0, 0), append(word(0x316b6e73, 8, 0, 1, 3, 0), make([]byte, 16)...)...),
		"messages": append(word(17, 0, 0, 0), word(0x316b6e73, 8, 0, 9, 3, 0)...),
	} {
		l := connect()
		if _, err := l.Conn.Write(garbage); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A descriptor that nobody has asked for.
	l := connect()
	raw, err := l.Conn.SyscallConn()
	if err == nil {
		_, err = sys.SendFiles(raw, word(16, 0, 0, 0), []int{0}, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Conn.Read(make([]byte, 1)); err == nil {
		t.Error("a descriptor was taken")
	}
	// One has half of an order, others half of a message, one never reads.
	if _, err := connect().Conn.Write(append(word(17, 0, 0, 0), word(0x316b6e73, 100, 0, 0, 0, 0)...)); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := connect().Conn.Write([]byte("half")); err != nil {
			t.Fatal(err)
		}
	}
	// What comes after goes through nevertheless.
	last := connect()
	if _, err := last.Conn.Write(word(16, 15, 0, 0)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, messageSize)
	if _, err := io.ReadFull(r.control, b); err != nil || !bytes.Equal(b, word(16, 15, 0, 0)) {
		t.Errorf("%x, %v", b, err)
	}
	if _, err := r.out[0].Write([]byte("line\n")); err != nil {
		t.Fatal(err)
	}
	r.end(t, 9)
	if got := allLogs(t, r.log); !strings.HasPrefix(got, `{"log":"line\n"`) {
		t.Errorf("%q", got)
	}
}

// TestFullDisk: the end is written down in the room that there was.
func TestFullDisk(t *testing.T) {
	testutil.Unchanged(t)
	r := newRig(t, nil)
	// No file of the monitor's may grow over this.
	limit := syscall.Rlimit{Cur: 4096, Max: 4096}
	children, err := sys.Children(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, pid := range children {
		if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && string(comm) == "sandkit-monitor\n" {
			found++
			if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); errno != 0 {
				t.Fatal(errno)
			}
		}
	}
	if found != 1 {
		t.Fatalf("%d monitors", found)
	}
	if _, err := r.out[0].Write(bytes.Repeat([]byte("a line of some length\n"), 1000)); err != nil {
		t.Fatal(err)
	}
	end := r.end(t, 0x100)
	if !strings.Contains(end, "\nstatus 256\n") || strings.Contains(end, "\nlost 0\n") || !strings.Contains(end, "\nlost ") {
		t.Errorf("%q", end)
	}
}
