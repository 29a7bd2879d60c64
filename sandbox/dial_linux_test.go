package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// dialled starts a sandbox that the test closes.
func dialled(t testing.TB, opts ...sandbox.Option) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.New(opts...)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Start(testContext(t)))
	return s
}

// echo answers every line of every connection.
func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
	}
}

// says sends a line and wants it back.
func says(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Error(err)
		return
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// TestDialListen: what this program serves in a sandbox can be reached there, also
// by itself, and nowhere else.
func TestDialListen(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		s := dialled(t, lane, sandbox.WithCommand("sleep", "1000"))
		for _, x := range []struct{ network, listen, dial string }{
			{"tcp", "127.0.0.1:0", "127.0.0.1"},
			{"tcp", "[::1]:0", "::1"},
			{"tcp", ":0", "localhost"},
			{"tcp", ":0", "::1"},
			{"tcp4", "localhost:0", ""},
			{"tcp6", ":0", ""},
			{"unix", "/tmp/sock", ""},
			{"unix", "@abstract", ""},
			{"unixpacket", "/tmp/packets", ""},
		} {
			l, err := s.Listen(x.network, x.listen)
			if err != nil {
				t.Errorf("%s %s: %v", x.network, x.listen, err)
				continue
			}
			go echo(l)
			to := x.listen
			if a, ok := l.Addr().(*net.TCPAddr); ok {
				to = net.JoinHostPort(x.dial, itoa(a.Port))
				if c, err := net.Dial(x.network, to); err == nil {
					_ = c.Close()
					t.Errorf("%s is there for the host, too", to)
				}
			}
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() {
					c, err := s.Dial(testContext(t), x.network, to)
					if err != nil {
						t.Error(err)
						return
					}
					says(t, c)
				})
			}
			group.Wait()
			must(t, l.Close())
			if _, err := s.Dial(testContext(t), x.network, to); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("after Close: %v", err)
			}
		}
	})
}

// TestListenInside: programs reach what this one serves, as the sandbox's user.
func TestListenInside(t *testing.T) {
	testutil.Unchanged(t)
	s := dialled(t, sandbox.WithCommand("sleep", "1000"))
	l, err := s.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	go echo(l)
	out, errs := new(strings.Builder), new(strings.Builder)
	p, err := s.Exec(testContext(t), sandbox.WithCommand("busybox", "nc", "127.0.0.1", itoa(l.Addr().(*net.TCPAddr).Port)),
		sandbox.WithStdin(strings.NewReader("through\n")), sandbox.WithStdout(out), sandbox.WithStderr(errs))
	must(t, err)
	if _, err := p.Wait(testContext(t)); err != nil || out.String() != "through\n" {
		t.Errorf("%q, %q, %v", out, errs, err)
	}
}

// TestDialProgram: what a program serves can be reached, as soon as it does, and
// the host's own servers cannot.
func TestDialProgram(t *testing.T) {
	testutil.Unchanged(t)
	s := dialled(t, sh("while :; do busybox nc -l -p 8080 -e cat; done"))
	ctx := testContext(t)
	for {
		c, err := s.Dial(ctx, "tcp", "127.0.0.1:8080")
		if err == nil {
			says(t, c)
			break
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
	}
	host, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer host.Close()
	if _, err := s.Dial(ctx, "tcp", host.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the host's server: %v", err)
	}
	abstract := fmt.Sprintf("@sandkit-test-%d", os.Getpid())
	hostUnix, err := net.Listen("unix", abstract)
	must(t, err)
	defer hostUnix.Close()
	if _, err := s.Dial(ctx, "unix", abstract); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the host's abstract socket: %v", err)
	}
}

// TestDialPaths: the path of a socket leads nowhere but to what is inside.
func TestDialPaths(t *testing.T) {
	testutil.Unchanged(t)
	outside := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", outside)
	must(t, err)
	defer l.Close()
	s := dialled(t, sandbox.WithCommand("sh", "-c", "ln -s "+outside+" /tmp/out; ln -s ../../../../"+outside+" /tmp/up; mkdir -p /tmp/d; ln -s / /tmp/d/root; echo x > /tmp/plain; exec sleep 1000"))
	ctx := testContext(t)
	for _, err = s.FS().Open("tmp/plain"); err != nil; _, err = s.FS().Open("tmp/plain") {
		time.Sleep(time.Millisecond)
	}
	for _, p := range []string{outside, "/tmp/out", "/tmp/up", "/proc/self/root" + outside, "/tmp/d/root" + outside} {
		if c, err := s.Dial(ctx, "unix", p); err == nil {
			_ = c.Close()
			t.Errorf("%s leads outside", p)
		}
	}
	if _, err := s.Dial(ctx, "unix", "/no/such"); !errors.Is(err, iofs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := s.Dial(ctx, "unix", "/tmp/plain"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
	if _, err := s.Listen("unix", "/tmp/plain"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Error(err)
	}
	if _, err := s.Listen("unix", "/no/such/dir/s"); !errors.Is(err, iofs.ErrNotExist) {
		t.Error(err)
	}
}

// TestDialRefused: bad addresses and the wrong moments are told.
func TestDialRefused(t *testing.T) {
	testutil.Unchanged(t)
	ctx := testContext(t)
	s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"))
	must(t, err)
	defer s.Close()
	for _, want := range []error{sandbox.ErrNotRunning, nil} {
		if _, err := s.Dial(ctx, "tcp", "127.0.0.1:1"); want != nil && !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		if want != nil {
			must(t, s.Start(ctx))
		}
	}
	for _, x := range [][2]string{
		{"tcp", ""},
		{"tcp", "127.0.0.1"},
		{"tcp", "example.com:80"},
		{"tcp", "127.0.0.1:http"},
		{"tcp", "127.0.0.1:70000"},
		{"tcp", "127.0.0.1:-1"},
		{"tcp", "127.0.0.1:0"},
		{"tcp", "::1:80"},
		{"tcp", "[::1:80"},
		{"tcp", "[fe80::1%lo]:80"},
		{"tcp4", "[::1]:80"},
		{"tcp6", "127.0.0.1:80"},
		{"tcp5", "127.0.0.1:80"},
		{"ip", "127.0.0.1"},
		{"unix", ""},
		{"unix", "relative"},
		{"unix", "/a\x00b"},
		{"", ""},
	} {
		if _, err := s.Dial(ctx, x[0], x[1]); !errors.Is(err, sandbox.ErrInvalidSpec) {
			t.Errorf("%q: %v", x, err)
		}
	}
	if _, err := s.Listen("udp", ":0"); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Dial(gone, "tcp", "127.0.0.1:1"); err == nil {
		t.Error("dialled with a context that has ended")
	}
	l, err := s.Listen("tcp", ":0")
	must(t, err)
	must(t, s.Kill())
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener outlives the sandbox: %v", err)
	}
	_, _ = s.Wait(ctx)
	if _, err := s.Dial(ctx, "tcp", "127.0.0.1:1"); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Error(err)
	}
}

// BenchmarkDial connects, without a word.
func BenchmarkDial(b *testing.B) {
	s := dialled(b, sandbox.WithCommand("sleep", "1000"))
	l, err := s.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	go echo(l)
	addr := l.Addr().String()
	for b.Loop() {
		c, err := s.Dial(b.Context(), "tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		_ = c.Close()
	}
}
