package sys

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMountDetached: a file system is mounted nowhere, and usable.
func TestMountDetached(t *testing.T) {
	mnt, err := MountDetached("tmpfs", "none", unix.MOUNT_ATTR_NOEXEC, [2]string{"size", "64k"}, [2]string{"mode", "0711"})
	if os.Geteuid() != 0 {
		if !errors.Is(err, unix.EPERM) {
			t.Fatalf("as an ordinary user: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer mnt.Close()
	root := "/proc/self/fd/" + strconv.Itoa(mnt.Int())
	if i, err := os.Stat(root); err != nil || i.Mode().Perm() != 0o711 {
		t.Errorf("%v, %v", i, err)
	}
	if err := os.WriteFile(root+"/f", []byte("x"), 0o600); err != nil {
		t.Error(err)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(mnt.Int(), &st); err != nil || st.Flags&unix.ST_NOEXEC == 0 || st.Blocks*uint64(st.Bsize) != 64<<10 {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestMountDetachedFails: the error says what failed, and what the kernel said.
func TestMountDetachedFails(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("for the lane that runs as root")
	}
	if _, err := MountDetached("nosuchfs", "none", 0); !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), "nosuchfs: fsopen") {
		t.Errorf("%v", err)
	}
	_, err := MountDetached("tmpfs", "none", 0, [2]string{"nosuchoption", "1"})
	if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "option nosuchoption") || !strings.Contains(err.Error(), "Unknown parameter") {
		t.Errorf("%v", err)
	}
	if _, err := MountDetached("tmpfs", "none", 0, [2]string{"nosuchflag"}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("%v", err)
	}
}
