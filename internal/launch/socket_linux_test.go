package launch

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
)

// TestSocket: process 1 makes sockets, many at once, each for who asked.
func TestSocket(t *testing.T) {
	p := idle(t)
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			kind := []int{syscall.SOCK_STREAM, syscall.SOCK_DGRAM}[i%2]
			f, err := p.Socket(t.Context(), syscall.AF_INET, kind, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			conn, err := f.SyscallConn()
			if err != nil {
				t.Error(err)
				return
			}
			if err := conn.Control(func(fd uintptr) {
				if got, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TYPE); err != nil || got != kind {
					t.Errorf("type %d, %v, want %d", got, err, kind)
				}
			}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if _, err := p.Socket(t.Context(), 4711, syscall.SOCK_STREAM, 0); !errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Errorf("%v, want EAFNOSUPPORT", err)
	}
	f, err := p.Socket(t.Context(), syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, err := net.FilePacketConn(f); err != nil {
		t.Error(err)
	} else if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		f, err := p.Socket(t.Context(), syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if errors.Is(err, os.ErrProcessDone) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
