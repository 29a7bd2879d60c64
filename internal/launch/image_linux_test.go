package launch

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/sys"
)

// TestImageIsSealed: nobody who finds the launcher, which all sandboxes of the
// program share, can change it (CVE-2019-5736).
func TestImageIsSealed(t *testing.T) {
	program, err := image()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(sys.FdPath(int(program.Fd())), os.O_RDWR, 0)
	if err != nil {
		t.Fatalf("root at least may open it: %v", err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("x"), 0); !errors.Is(err, syscall.EPERM) {
		t.Errorf("write: %v", err)
	}
	if err := f.Truncate(0); !errors.Is(err, syscall.EPERM) {
		t.Errorf("truncate: %v", err)
	}
	if err := f.Truncate(1 << 20); !errors.Is(err, syscall.EPERM) {
		t.Errorf("grow: %v", err)
	}
	if _, err := syscall.Mmap(int(f.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED); err == nil {
		t.Error("it can be mapped for writing")
	}
	const fAddSeals, sealWrite = 1033, 8
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), fAddSeals, sealWrite); errno != syscall.EPERM {
		t.Errorf("add a seal: %v", errno)
	}
	got := make([]byte, len(launcherELF))
	if n, err := f.ReadAt(got, 0); err != nil || n != len(launcherELF) || string(got) != string(launcherELF) {
		t.Errorf("%d bytes, %v", n, err)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(f.Name(), &st); err != nil || st.Size != int64(len(launcherELF)) {
		t.Errorf("size %d, %v", st.Size, err)
	}
}
