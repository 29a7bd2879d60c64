package erofs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
)

// skip is for what the virtual machine may lack, but no other machine.
func skip(tb testing.TB, reason string) {
	tb.Helper()
	if testutil.InVM() {
		tb.Skip(reason)
	}
	testutil.Skip(tb, reason)
}

// mounted is where the kernel shows an image, for as long as the test runs. The
// mount is nowhere else.
func mounted(tb testing.TB, img string) string {
	tb.Helper()
	testutil.NeedRoot(tb)
	if strconv.IntSize == 32 {
		tb.Skip("stat(2) has only 32 bits for times")
	}
	mnt, err := sys.MountDetached("erofs", img, 0, [2]string{"ro"})
	if errors.Is(err, syscall.ENOTBLK) { // before 6.12
		mnt, err = sys.MountDetached("erofs", loop(tb, img), 0, [2]string{"ro"})
	}
	if errors.Is(err, syscall.ENODEV) {
		skip(tb, "the kernel has no EROFS")
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := mnt.Close(); err != nil {
			tb.Error(err)
		}
	})
	return fmt.Sprintf("/proc/self/fd/%d", mnt.Int())
}

// loop gives the image as a block device.
func loop(tb testing.TB, img string) string {
	tb.Helper()
	if _, err := exec.LookPath("losetup"); err != nil {
		skip(tb, "no losetup")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		skip(tb, "no loop devices")
	}
	out, err := exec.Command("losetup", "-f", "-r", "--show", img).Output()
	if err != nil {
		tb.Fatal(err)
	}
	dev := strings.TrimSpace(string(out))
	tb.Cleanup(func() {
		if err := exec.Command("losetup", "-d", dev).Run(); err != nil {
			tb.Error(err)
		}
	})
	return dev
}

// save writes an image to a file.
func save(tb testing.TB, o Options, specs ...spec) string {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "img")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	w := NewWriter(f, o)
	if err := build(w, specs); err != nil {
		tb.Fatal(err)
	}
	if i, err := f.Stat(); err != nil || i.Size() != w.Size() {
		tb.Fatalf("%d bytes, the writer says %d; %v", i.Size(), w.Size(), err)
	}
	return name
}

// kernelLines describes what the kernel shows.
func kernelLines(tb testing.TB, root string) []string {
	tb.Helper()
	out := []string{}
	err := filepath.WalkDir(root+"/.", func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(name, &st); err != nil {
			return err
		}
		sec, nsec := st.Mtim.Unix()
		a := Attr{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid, MtimeSec: sec, MtimeNsec: uint32(nsec)}
		if a.Xattrs, err = kernelXattrs(name); err != nil {
			return err
		}
		kinds := map[uint32]string{
			typeRegular: "f", typeDir: "d", typeSymlink: "l", typeChar: "c", typeBlock: "b", typeFIFO: "p", typeSocket: "s",
		}
		var data string
		switch st.Mode & typeMask {
		case typeRegular:
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			data = string(b)
		case typeSymlink:
			if data, err = os.Readlink(name); err != nil {
				return err
			}
		}
		dev := Stat{Rdev: st.Rdev}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		out = append(out, describe(rel, kinds[st.Mode&typeMask], a, uint32(st.Nlink), dev.Major(), dev.Minor(), data))
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// kernelXattrs does not follow a symbolic link.
func kernelXattrs(name string) (map[string][]byte, error) {
	fd, err := sys.Openat(sys.AT_FDCWD, name, sys.O_PATH|syscall.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	return sys.Xattrs(fmt.Sprintf("/proc/self/fd/%d", fd.Int()))
}

// TestKernel: the kernel shows what was written.
func TestKernel(t *testing.T) {
	testutil.NeedRoot(t)
	for name, specs := range trees() {
		t.Run(name, func(t *testing.T) {
			img := save(t, Options{}, specs...)
			if d := cmp.Diff(lines(specs), kernelLines(t, mounted(t, img))); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestKernelLoop: so it does with a block device, as before 6.12.
func TestKernelLoop(t *testing.T) {
	testutil.NeedRoot(t)
	specs := trees()["attributes"]
	dev := loop(t, save(t, Options{}, specs...))
	if d := cmp.Diff(lines(specs), kernelLines(t, mounted(t, dev))); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
