package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestFilesOfTheHostAreAbsent: the default root has the host's programs, and
// nothing of what people and services keep on a machine.
func TestFilesOfTheHostAreAbsent(t *testing.T) {
	testutil.Unchanged(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for _, o := range probe(t, options(lane), "read|"+secret, "read|/etc/shadow", "read|/etc/machine-id", "read|/proc/1/root"+secret,
			"read|/proc/self/root/../../../../.."+secret, "read|/proc/self/cwd/../../../.."+secret, "fdpath|0|../../../.."+secret,
			"read|/root/.bashrc", "ls|/home", "ls|/var/lib", "ls|/srv", "stat|/var/run/docker.sock", "stat|/run/dbus", "stat|/lost+found") {
			if o.Errno == "" && o.Out != "" {
				t.Errorf("%s: %.80q", o.Op, o.Out)
			}
		}
	})
}

// TestHostPathsAreNotTold: with a copied root, neither the mount table nor /proc
// says where on the host it lies.
func TestHostPathsAreNotTold(t *testing.T) {
	testutil.Unchanged(t)
	root := testutil.Root(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for _, o := range probe(t, options(lane, sandbox.WithRootfs(root)), "read|/proc/self/mountinfo", "read|/proc/self/mounts", "read|/proc/self/mountstats",
			"readlink|/proc/self/exe", "readlink|/proc/self/cwd", "readlink|/proc/self/root", "read|/proc/self/maps", "read|/proc/self/cgroup") {
			if strings.Contains(o.Out, root) || strings.Contains(o.Out, "HostPaths") {
				t.Errorf("%s tells the path:\n%s", o.Op, o.Out)
			}
		}
	})
}

// TestTwoSandboxesShareNothing: what one writes in its root, in /tmp, in shared
// memory or under its name, the other does not see.
func TestTwoSandboxesShareNothing(t *testing.T) {
	testutil.Unchanged(t)
	root := testutil.Root(t)
	for name, o := range map[string]sandbox.Option{"tools": sandbox.Options(), "directory": sandbox.WithRootfs(root)} {
		first, r := started(t, sandbox.WithHostname("first"), sh("echo x >/tmp/mark; echo x >/dev/shm/mark; echo x >/mark; echo ready; sleep 1000"))
		awaitLine(t, r, "ready")
		for _, o := range probe(t, options(o), "read|/tmp/mark", "read|/dev/shm/mark", "read|/mark") {
			denied(t, o, enoent)
		}
		if host := probe1(t, options(o), "hostname"); host.Out == "first" {
			t.Errorf("%s: two have one name", name)
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestSharedDirectoriesAreShared is the other way round: a bind mount is the
// very directory, for both sides.
func TestSharedDirectoriesAreShared(t *testing.T) {
	testutil.Unchanged(t)
	dir := t.TempDir()
	testutil.Tree(t, dir, "file from-host hello")
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane, sandbox.WithMount(fs.Bind(dir, "/shared"))), "read|/shared/from-host", "create|/shared/from-inside|hello", "rename|/shared/from-inside|/shared/renamed")
		gives(t, out[0], "hello")
		works(t, out[1])
		works(t, out[2])
		path := filepath.Join(dir, "renamed")
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if uid := st.Sys().(*syscall.Stat_t).Uid; int(uid) != os.Geteuid() {
			t.Errorf("it belongs to %d", uid)
		}
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	})
}
