//go:build amd64 || arm64

package sandbox_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestIPCOfTheHost: queues and shared memory of the host, System V's and
// POSIX's, are not there.
func TestIPCOfTheHost(t *testing.T) {
	testutil.Unchanged(t)
	const key, create = 0x5a4d4b31, 0o1600
	id, _, errno := syscall.Syscall(syscall.SYS_MSGGET, key, create, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer func() {
		if _, _, errno := syscall.Syscall(syscall.SYS_MSGCTL, id, 0, 0); errno != 0 { // IPC_RMID
			t.Error(errno)
		}
	}()
	name, err := syscall.BytePtrFromString(fmt.Sprintf("sandkit-test-%d", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	q, _, errno := syscall.Syscall6(syscall.SYS_MQ_OPEN, uintptr(unsafe.Pointer(name)), syscall.O_CREAT|syscall.O_RDWR, 0o666, 0, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer func() {
		if _, _, errno := syscall.Syscall(syscall.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(name)), 0, 0); errno != 0 {
			t.Error(errno)
		}
		if err := syscall.Close(int(q)); err != nil {
			t.Error(err)
		}
	}()
	shared := fmt.Sprintf("/dev/shm/sandkit-test-%d", os.Getpid())
	if err := os.WriteFile(shared, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.Remove(shared); err != nil {
			t.Error(err)
		}
	}()
	queue := fmt.Sprintf("mqopen|sandkit-test-%d|%d", os.Getpid(), syscall.O_RDONLY)
	get := fmt.Sprintf("syscall|%d|%d|0", syscall.SYS_MSGGET, key)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane, sandbox.WithCapabilities("IPC_OWNER")), get, queue, fmt.Sprintf("mqopen|own|%d", syscall.O_CREAT|syscall.O_RDWR), "ls|/dev/mqueue", "ls|/dev/shm")
		denied(t, out[0], enoent)
		denied(t, out[1], enoent)
		works(t, out[2])
		gives(t, out[3], "own")
		gives(t, out[4], "")
	})
}
