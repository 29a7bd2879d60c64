package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// wholeDisk gives the number of the disk that a directory is on, or leaves the
// test out.
func wholeDisk(t *testing.T, dir string) string {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	major, minor := sys.DeviceNumbers(st.Dev)
	number := cgroup.DeviceNumber{Major: major, Minor: minor}.String()
	_, err := os.Stat("/sys/dev/block/" + number)
	_, part := os.Stat("/sys/dev/block/" + number + "/partition")
	if err != nil || part == nil {
		if testutil.InVM() {
			t.Fatalf("%s is on %s", dir, number)
		}
		t.Skip("temporary files are not on a disk of their own, as they are in the lane in the virtual machine")
	}
	return number
}

// TestIOLimitsBite: reading from and writing to a disk takes as long as the limit
// makes it, until it is lifted. A machine that is busy only makes it longer.
func TestIOLimitsBite(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	const kib, rate = 2048, 1 << 20
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	device := wholeDisk(t, dir)
	m := fs.Bind(dir, "/disk")
	m.HostOwners = true
	for _, c := range []struct {
		mode  string
		limit cgroup.IOLimit
		moved func(cgroup.IOStats) uint64
	}{
		{"w", cgroup.IOLimit{Device: device, WriteBPS: rate}, func(s cgroup.IOStats) uint64 { return s.WriteBytes }},
		{"r", cgroup.IOLimit{Device: device, ReadBPS: rate}, func(s cgroup.IOStats) uint64 { return s.ReadBytes }},
		// 64 KiB at once.
		{"w", cgroup.IOLimit{Device: device, WriteIOPS: rate >> 16}, func(s cgroup.IOStats) uint64 { return s.WriteOps << 16 }},
	} {
		op := fmt.Sprintf("direct|/disk/f|%s|%d", c.mode, kib)
		free := slices.Repeat([]string{op}, 8)
		d := startDialog(t, options(sandbox.WithMount(m), sandbox.WithUser("0"), sandbox.WithIO(c.limit)), append(free, op)...)
		const least = time.Second * kib << 10 / rate * 8 / 10
		if took := duration(t, d.next(t)); took < least {
			t.Errorf("%+v: %d KiB took %v, want at least %v", c.limit, kib, took, least)
		}
		n := uint64(0)
		for _, s := range stats(t, d.Sandbox).IO {
			if s.Device.String() == device {
				n = c.moved(s)
			}
		}
		if n < kib<<10 {
			t.Errorf("%+v: %d bytes were counted", c.limit, n)
		}
		if err := d.Update(testContext(t), cgroup.Limits{}); err != nil {
			t.Fatal(err)
		}
		fastest := time.Hour
		for range free {
			if fastest = min(fastest, duration(t, d.next(t))); fastest < least/2 {
				break
			}
		}
		if fastest >= least/2 {
			t.Errorf("%+v: after it was lifted, %d KiB took %v", c.limit, kib, fastest)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// duration reads nanoseconds.
func duration(t *testing.T, o testutil.Outcome) time.Duration {
	t.Helper()
	works(t, o)
	n, err := strconv.ParseInt(o.Out, 10, 64)
	if err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	return time.Duration(n)
}

// TestIOWeight is in force, or it is said what is missing.
func TestIOWeight(t *testing.T) {
	testutil.Unchanged(t)
	needGroups(t)
	weight := sandbox.WithLimits(cgroup.Limits{IOWeight: 50})
	_, err := sandbox.Run(testContext(t), weight, sandbox.WithCommand("true"))
	if e, ok := errors.AsType[*sandbox.NotSupportedError](err); err != nil && (!ok || e.Hint == "" || e.Feature != "IOWeight (cgroup controller io)") {
		t.Error(err)
	}
	if _, err := sandbox.Run(testContext(t), sandbox.BestEffort(weight), sandbox.WithCommand("true")); err != nil {
		t.Error(err)
	}
}
