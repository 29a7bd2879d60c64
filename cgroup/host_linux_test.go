package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// The mounts of three kinds of hosts.
const (
	v1Mounts = `30 23 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
34 30 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
35 30 0:28 / /mnt/with\040blank rw - cgroup cgroup rw,memory
`
	v2Mounts     = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	hybridMounts = v1Mounts + "36 30 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)

// v2Group gives the lines for testutil.Tree that make a v2 group.
func v2Group(dir, controllers, given, procs string) []string {
	return []string{
		"file " + dir + "/cgroup.controllers " + controllers, "file " + dir + "/cgroup.subtree_control " + given,
		"file " + dir + "/cgroup.procs " + procs, "file " + dir + "/cgroup.type domain",
	}
}

// fake makes a host of files.
func fake(t *testing.T, mounts, own string, more ...[]string) (*Host, error) {
	t.Helper()
	root := t.TempDir()
	testutil.Tree(t, root, slices.Concat(append([][]string{{
		"file proc/self/mountinfo " + mounts, "file proc/self/cgroup " + own,
	}}, more...)...)...)
	return detect(root)
}

func TestDetectV1(t *testing.T) {
	h, err := fake(t, v1Mounts, "3:memory:/a\n2:cpu,cpuacct:/b\n1:name=systemd:/\n")
	if err != nil {
		t.Fatal(err)
	}
	for c, want := range map[Controller]int{CPU: 1, Accounting: 1, Memory: 1, Core: 1, Pids: 0, IO: 0, Devices: 0} {
		if got := h.Version(c); got != want {
			t.Errorf("%s is v%d, want v%d", c, got, want)
		}
	}
	if h.find(CPU) != h.find(Accounting) || !strings.HasSuffix(h.find(Memory).mount, "/sys/fs/cgroup/memory") || h.find(Memory).own != "/a" {
		t.Errorf("%v", h)
	}
	if h.Unified() {
		t.Error("v1 is unified")
	}
}

func TestDetectHybrid(t *testing.T) {
	h, err := fake(t, hybridMounts, "3:memory:/a\n2:cpu,cpuacct:/b\n0::/c\n",
		v2Group("sys/fs/cgroup/unified", "hugetlb", "", "1")[:3])
	if err != nil {
		t.Fatal(err)
	}
	for c, want := range map[Controller]int{CPU: 1, Memory: 1, Core: 2, HugeTLB: 2, Pids: 0, Devices: 2} {
		if got := h.Version(c); got != want {
			t.Errorf("%s is v%d, want v%d", c, got, want)
		}
	}
	err = h.missing("Pids", Pids)
	if !errors.Is(err, ErrNotSupported) || !strings.Contains(err.Error(), "Pids (cgroup controller pids)") {
		t.Error(err)
	}
}

func TestDetectV2(t *testing.T) {
	const top = "sys/fs/cgroup"
	for _, c := range []struct {
		name, own, base string
		groups          [][]string
	}{
		{"top of the machine", "/a", "/", [][]string{v2Group(top, "cpu memory", "", "1")[:3]}},
		{"given group without processes", "/a/b", "/a", [][]string{
			v2Group(top, "cpu memory", "", "1"), v2Group(top+"/a", "cpu memory", "", ""), v2Group(top+"/a/b", "cpu", "", "7"),
		}},
		{"own group only", "/a/b", "/a/b", [][]string{
			v2Group(top, "cpu memory", "", "1"), v2Group(top+"/a", "cpu memory", "", "8"), v2Group(top+"/a/b", "cpu memory", "", "7"),
		}},
		{"moved before", "/a/" + hostLeaf, "/a", [][]string{
			v2Group(top, "cpu memory", "", "1"), v2Group(top+"/a", "cpu memory", "", "8"), v2Group(top+"/a/"+hostLeaf, "", "", "7"),
		}},
	} {
		h, err := fake(t, v2Mounts, "0::"+c.own+"\n", c.groups...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if h.base != c.base || h.Version(Memory) != 2 || h.Version(Devices) != 2 || h.Version(Accounting) != 2 || !h.Unified() {
			t.Errorf("%s: below %q, %v: %v", c.name, h.base, h.baseErr, h)
		}
	}
}

func TestDetectNothing(t *testing.T) {
	if _, err := fake(t, "22 1 8:1 / / rw - ext4 /dev/sda rw\n", "0::/\n"); !errors.Is(err, ErrNotSupported) {
		t.Error(err)
	}
}

// TestMoveOwn: this program leaves its group for a leaf, unless others are in
// the group.
func TestMoveOwn(t *testing.T) {
	const top = "sys/fs/cgroup"
	for _, c := range []struct {
		procs string
		ok    bool
	}{{fmt.Sprint(os.Getpid()), true}, {"1", false}, {"0", false}} {
		h, err := fake(t, v2Mounts, "0::/a\n", v2Group(top, "cpu", "", "1"), v2Group(top+"/a", "cpu", "", c.procs))
		if err != nil {
			t.Fatal(err)
		}
		h.base = "/a"
		leaf := filepath.Join(h.v2.dir("/a"), hostLeaf)
		testutil.Tree(t, leaf, "file cgroup.procs")
		if err := os.RemoveAll(leaf); err != nil {
			t.Fatal(err)
		}
		h.files.fault = func(op, path string) error {
			if op == "mkdir" { // the kernel makes files with the directory
				testutil.Tree(t, path, "file cgroup.procs")
			}
			return nil
		}
		err = h.moveOwn("/a")
		if !c.ok {
			if !errors.Is(err, ErrNotSupported) || exists(leaf) {
				t.Errorf("with %s in the group: %v", c.procs, err)
			}
			continue
		}
		if b, readErr := os.ReadFile(leaf + "/cgroup.procs"); err != nil || readErr != nil || string(b) != c.procs {
			t.Errorf("%v, %v: %q in the leaf", err, readErr, b)
		}
	}
}

func TestUnescape(t *testing.T) {
	for s, want := range map[string]string{`/a\040b`: "/a b", `/a\134`: `/a\`, `\0`: `\0`, `\999`: `\999`, "": ""} {
		if got := unescape(s); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
}

func FuzzHierarchies(f *testing.F) {
	f.Add(hybridMounts, "3:memory:/a\n0::/c\n")
	f.Fuzz(func(t *testing.T, mounts, own string) {
		all, err := parseHierarchies(mounts, own)
		if err != nil {
			return
		}
		for _, h := range all {
			if h.version == 1 && len(h.controllers) == 0 || h.own != "" && !strings.HasPrefix(h.own, "/") {
				t.Errorf("%+v of %q, %q", h, mounts, own)
			}
		}
	})
}
