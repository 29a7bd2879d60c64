package cgroup

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// TestStartInGroup: clone3 puts the process there at once.
func TestStartInGroup(t *testing.T) {
	g := create(t, tree(t), Limits{Pids: 50})
	fd, err := g.FD()
	if !g.host.Unified() && g.host.v2 == nil {
		if !errors.Is(err, ErrNotSupported) {
			t.Errorf("without v2: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	cmd := exec.Command("/proc/self/exe", "sleep")
	cmd.Env = []string{helperEnv + "=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(fd.Fd())}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pids, err := g.Processes()
	if err != nil || !slices.Contains(pids, cmd.Process.Pid) {
		t.Errorf("%d is not among %v, %v", cmd.Process.Pid, pids, err)
	}
	if err := g.Kill(t.Context()); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // killed
}

// TestLimitsLater: processes are in an empty group when its limits come, as a
// launcher that was parked there.
func TestLimitsLater(t *testing.T) {
	g, err := tree(t).Create(t.Context(), Config{Name: "parked", Reserve: []Controller{CPUSet, Devices}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(g.Kill(context.Background()), g.Remove(context.Background())); err != nil {
			t.Error(err)
		}
	}()
	cmd := start(t, g, "sleep")
	if err := g.Apply(t.Context(), Limits{CPUSetCPUs: "0", MemoryMax: 16 << 20, Pids: 40}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Controller{CPUSet, Memory, Pids} {
		pids, err := processes(g.Path(c))
		if err != nil || !slices.Contains(pids, cmd.Process.Pid) {
			t.Errorf("%s has %v, %v", c, pids, err)
		}
	}
}

// TestDroppedLimits: what the host cannot give is an error, or is dropped and
// told, and tried again.
func TestDroppedLimits(t *testing.T) {
	tr := tree(t)
	limits := Limits{Pids: 30, HugeTLB: map[string]int64{"3MB": 1}}
	_, err := tr.Create(t.Context(), Config{Name: "strict", Limits: limits})
	if !errors.Is(err, ErrNotSupported) || !strings.Contains(err.Error(), "HugeTLB[3MB] (cgroup controller hugetlb)") {
		t.Fatalf("huge pages of 3 MB: %v", err)
	}
	for _, best := range []BestEffort{{"HugeTLB"}, Everything()} {
		g, err := tr.Create(t.Context(), Config{Name: "lenient", Limits: limits, BestEffort: best})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if d := g.Dropped(); len(d) != 1 || d[0].Field != "HugeTLB[3MB]" || !strings.Contains(d[0].String(), "not limited") {
				t.Errorf("dropped %v", d)
			}
			if err := g.Apply(t.Context(), limits); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.Apply(t.Context(), Limits{}); err != nil || len(g.Dropped()) != 0 {
			t.Errorf("%v, dropped %v", err, g.Dropped())
		}
		if err := g.Remove(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// disk gives the machine's first whole disk.
func disk(t *testing.T) string {
	for _, name := range []string{"/dev/vda", "/dev/sda", "/dev/nvme0n1"} {
		if exists(name) {
			return name
		}
	}
	testutil.Skip(t, "no disk")
	return ""
}

func TestIOLimits(t *testing.T) {
	path := disk(t)
	g := create(t, tree(t), Limits{IO: []IOLimit{{Device: path, ReadBPS: 1 << 20, WriteIOPS: 100}}})
	device := g.Limits().IO[0].Device
	if got := value(t, g, IO, "blkio.throttle.read_bps_device", "io.max"); !strings.Contains(got, device) || !strings.Contains(got, "1048576") {
		t.Errorf("%s: %q", device, got)
	}
	if err := g.Apply(t.Context(), Limits{}); err != nil {
		t.Fatal(err)
	}
	if got := value(t, g, IO, "blkio.throttle.read_bps_device", "io.max"); got != "" {
		t.Errorf("after lifting: %q", got)
	}
	for name, want := range map[string]error{"/dev/null": syscall.ENOTBLK, "/dev/no-such": os.ErrNotExist} {
		if err := g.Apply(t.Context(), Limits{IO: []IOLimit{{Device: name, ReadBPS: 1}}}); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnified(t *testing.T) {
	tr := tree(t)
	limits := Limits{Unified: map[string]string{"memory.high": "33554432", "pids.max": "7"}}
	g, err := tr.Create(t.Context(), Config{Name: "job", Limits: limits})
	if tr.host.Version(Memory) != 2 {
		if !errors.Is(err, ErrNotSupported) {
			t.Errorf("raw v2 values with a v1 controller: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := value(t, g, Memory, "", "memory.high"); got != "33554432" {
		t.Errorf("memory.high is %s", got)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestV2Only: what v1 has not is an error there, and works on v2.
func TestV2Only(t *testing.T) {
	tr := tree(t)
	g, err := tr.Create(t.Context(), Config{Name: "job", Limits: Limits{MemoryMax: 64 << 20, MemoryHigh: 32 << 20, OOMGroup: true}})
	if tr.host.Version(Memory) == 1 {
		if !errors.Is(err, ErrNotSupported) || !strings.Contains(err.Error(), "MemoryHigh") {
			t.Errorf("v1: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := value(t, g, Memory, "", "memory.oom.group"); got != "1" {
		t.Errorf("memory.oom.group is %s", got)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestBadNames(t *testing.T) {
	tr := tree(t)
	for _, name := range []string{"", ".", "..", "a/b", "cgroup.procs", "a\nb"} {
		if _, err := tr.Create(t.Context(), Config{Name: name}); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	if _, err := tr.host.Claim(t.Context(), "a/../b"); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("a parent that climbs: %v", err)
	}
	if _, err := tr.Create(t.Context(), Config{Name: "x", Limits: Limits{Pids: -1}}); !errors.Is(err, ErrInvalid) {
		t.Errorf("invalid limits: %v", err)
	}
	g := create(t, tr, Limits{})
	if _, err := tr.Create(t.Context(), Config{Name: g.Name()}); !errors.Is(err, os.ErrExist) {
		t.Errorf("the same name twice: %v", err)
	}
	if !exists(g.Path(Pids)) {
		t.Error("the first group went with the second")
	}
}

// TestNestedParents: a tree below a path that is made for it and goes with it.
func TestNestedParents(t *testing.T) {
	h, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	tr, err := h.Claim(t.Context(), "sandkit-test/a/b")
	if errors.Is(err, ErrNotSupported) {
		leaveOut(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	g, err := tr.Create(t.Context(), Config{Name: "job", Limits: Limits{Pids: 9, CPUSetCPUs: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(g.Path(Pids), "/sandkit-test/a/b/"+tr.Name()+"/job") {
		t.Errorf("at %s", g.Path(Pids))
	}
	start(t, g, "spin")
	dir := g.Path(Pids)
	if err := tr.Close(); err != nil { // with the group and its process
		t.Fatal(err)
	}
	if exists(dir) {
		t.Errorf("%s is left", dir)
	}
	if _, err := tr.Create(t.Context(), Config{Name: "late"}); !errors.Is(err, ErrRemoved) {
		t.Errorf("in a closed tree: %v", err)
	}
}
