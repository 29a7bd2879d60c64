package fs

import (
	"testing"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/testutil"
)

// plan prints what a tree does, on a host that does not exist.
func plan(t *Tree, privileged bool) string {
	same := func(id uint32) (uint32, bool) { return id, true }
	shifted := func(id uint32) (uint32, bool) { return 100000 + id, id < 65536 }
	t.Owner, t.Privileged = Owner{shifted, shifted}, privileged
	if !privileged {
		t.Owner = Owner{same, same}
	}
	t.host.Tools = []Tool{
		{Path: "/usr", Dir: true}, {Path: "/bin", Link: "usr/bin"}, {Path: "/etc/ssl/certs", Dir: true}, {Path: "/etc/services"},
	}
	t.host.RootMode = 0o755
	t.host.Kernel = KernelPaths{
		Masked:   []KernelPath{{Path: "/proc/kcore", RootOnly: true}, {Path: "/proc/keys"}, {Path: "/sys/firmware"}},
		ReadOnly: []KernelPath{{Path: "/proc/sys"}},
		Dirs:     map[string]bool{"/sys/firmware": true, "/proc/sys": true, "/proc/keys": false},
	}
	p := program.New()
	if privileged {
		fd := p.Pass("id map")
		t.IDMap = &fd
	}
	t.Begin(p.Init)
	t.Devices(p.Init)
	t.Kernel(p.Init)
	t.Build(p.Init)
	t.Finish(p.Init)
	return p.String()
}

func TestPlans(t *testing.T) {
	noexec := Tmpfs("/scratch", 8192)
	noexec.NoExec, noexec.ReadOnly, noexec.UID, noexec.GID, noexec.Mode = true, true, 7, 8, 0o750
	cases := map[string]struct {
		tree       *Tree
		privileged bool
	}{
		"tools":           {&Tree{}, true},
		"tools-user":      {&Tree{ForeignNet: true, ForeignIPC: true}, false},
		"tools-host-root": {&Tree{HostRoot: true, Proc: Proc{PIDOnly: true}}, true},
		"files": {&Tree{Root: Root{Dir: "/r", Writable: true}, Mounts: []Mount{
			File("/etc/motd", 0, []byte("hi")), noexec, File("/scratch/f", 0o600, nil),
		}}, true},
		"volumes": {&Tree{Root: Root{Dir: "/r", Writable: true}, Mounts: []Mount{
			{Type: TypeVolume, Name: "data", Source: "/v/data", Target: "/data", ReadOnly: true},
			{Type: TypeVolume, Name: "data", Source: "/v/data", Subpath: "a/b", Target: "/part"},
			Volume("planned", "/planned"),
		}}, true},
		"masks": {&Tree{Root: Root{Dir: "/r", ReadOnly: true}, Masked: []string{"/etc/shadow", "/proc/cpuinfo"}, ReadOnly: []string{"/etc"}}, true},
	}
	for name, c := range cases {
		testutil.Golden(t, name, plan(c.tree, c.privileged))
	}
}
