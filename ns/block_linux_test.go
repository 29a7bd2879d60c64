package ns

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func TestBlocksAreDisjoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dir", "ids")
	seen := make(map[uint32]bool)
	for range 50 {
		b, err := reserveBlock(path)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if seen[b.First] || b.First < blockBase || uint64(b.First)+uint64(b.Count) > 1<<31 {
			t.Errorf("block %d twice, or out of bounds", b.First)
		}
		seen[b.First] = true
	}
}

func TestClosedBlockIsFree(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a descriptor for each of thousands of blocks; the long lanes run this")
	}
	path := filepath.Join(t.TempDir(), "ids")
	if err := os.Chmod(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	blocks := make([]*Block, 0, blockCount)
	for range blockCount {
		b, err := reserveBlock(path)
		if err != nil {
			t.Fatalf("block %d: %v", len(blocks), err)
		}
		defer b.Close()
		blocks = append(blocks, b)
	}
	if _, err := reserveBlock(path); err == nil {
		t.Fatal("one block more than there are")
	}
	if err := blocks[7].Close(); err != nil {
		t.Fatal(err)
	}
	b, err := reserveBlock(path)
	if err != nil || b.First != blocks[7].First {
		t.Errorf("got block %+v, %v; want the one that was closed", b, err)
	}
	if b != nil {
		b.Close()
	}
}

func TestBlockFileOfSomebodyElse(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := reserveBlock(filepath.Join(dir, "ids")); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a directory that everybody writes to: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/etc", link); err != nil {
		t.Fatal(err)
	}
	if _, err := reserveBlock(filepath.Join(link, "ids")); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a link: %v", err)
	}
}

func TestOpenByName(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can name namespaces; the lane as root runs this")
	}
	if os.Getenv("SANDKIT_VM") != "" {
		t.Skip("busybox's ip cannot name namespaces; the native lane runs this")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is not installed; CI installs it")
	}
	// ip keeps its directory mounted from the first name on.
	if _, err := os.Stat("/run/netns"); errors.Is(err, os.ErrNotExist) {
		defer func() {
			_ = syscall.Unmount("/run/netns", syscall.MNT_DETACH)
			if err := os.Remove("/run/netns"); err != nil {
				t.Error(err)
			}
		}()
	}
	const name = "sandkit-ns-test"
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	defer func() {
		if out, err := exec.Command("ip", "netns", "delete", name).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}()
	f, err := OfName(name).Open(Net)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := OfName(name).Open(IPC); err == nil {
		t.Error("a network namespace was opened as an IPC namespace")
	}
}

func TestOpenChecksTheKind(t *testing.T) {
	for path, kind := range map[string]Kind{"/proc/self/ns/net": UTS, "/proc/self/ns/user": Mount, "/etc/passwd": Net, "/dev/null": IPC} {
		if f, err := OfPath(path).Open(kind); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("%s as %s: %v, %v", path, kind, f, err)
		}
	}
	f, err := OfPID(os.Getpid()).Open(UTS)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}
