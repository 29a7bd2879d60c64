package sandbox_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// diffOf gives the changes, one a line.
func diffOf(t *testing.T, s *sandbox.Sandbox) string {
	t.Helper()
	changes, err := s.Diff(testContext(t))
	must(t, err)
	var lines []string
	for _, c := range changes {
		lines = append(lines, c.String())
	}
	return strings.Join(lines, "\n")
}

// diffCases are scripts and what docker diff says after them.
var diffCases = []struct{ script, want string }{
	{"true", ""},
	{"echo x > /new", "A /new"},
	{"echo x >> /d/f", "C /d\nC /d/f"},
	{"rm /d/f", "C /d\nD /d/f"},
	{"rm -r /d/sub", "C /d\nD /d/sub"},
	{"rm -r /d/sub; mkdir /d/sub; echo x > /d/sub/n", "C /d\nC /d/sub\nD /d/sub/a\nD /d/sub/deep\nA /d/sub/n"},
	{"rm -r /d/sub; echo x > /d/sub", "C /d\nC /d/sub"},
	{"mkdir -p /n/m; echo x > /n/m/f; ln -s x /n/l", "A /n\nA /n/l\nA /n/m\nA /n/m/f"},
	{"mv /d/sub /moved", "C /d\nD /d/sub\nA /moved\nA /moved/a\nA /moved/deep\nA /moved/deep/b"},
	{"mv /d/f /g", "C /d\nD /d/f\nA /g"},
	{"rm /d/f; mkdir /d/f; echo x > /d/f/x", "C /d\nC /d/f\nA /d/f/x"},
	{"chmod 700 /d/sub", "C /d\nC /d/sub"},
	{"echo x > /d/t; rm /d/t", "C /d"},
	{"rm /d/sub/deep/b; rmdir /d/sub/deep", "C /d\nC /d/sub\nD /d/sub/deep"},
}

// makesOpaque tells whether a script removes a directory of the lower layer, or
// makes one over what was there.
func makesOpaque(script string) bool {
	return slices.ContainsFunc([]string{"rm -r ", "rmdir", "mkdir /d/f", "mv /d/sub"}, func(s string) bool { return strings.Contains(script, s) })
}

// TestDiff: the list is docker diff's, while the sandbox runs and after it.
func TestDiff(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{}, tarOf(t, "dir d 0755", "file d/f 0644 0:0 f", "dir d/sub 0755", "file d/sub/a 0644 0:0 a", "dir d/sub/deep 0755",
		"file d/sub/deep/b 0644 0:0 b", "file d/gone 0644 0:0 gone"), tarOf(t, "gone d/gone", "dir d/sub 0755", "file d/sub/a 0644 0:0 again"))
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		for _, c := range diffCases {
			if makesOpaque(c.script) && !opaqueDirectories(t) {
				continue
			}
			sb := startOf(t, lane, tool(s))
			inside(t, sb, c.script)
			if got := diffOf(t, sb); got != c.want {
				t.Errorf("%s: %s", c.script, cmp.Diff(c.want, got))
			}
			must(t, sb.Kill())
			_, _ = sb.Wait(testContext(t))
			if got := diffOf(t, sb); got != c.want {
				t.Errorf("%s, after the end: %s", c.script, cmp.Diff(c.want, got))
			}
			must(t, sb.Close())
			if _, err := sb.Diff(testContext(t)); !errors.Is(err, sandbox.ErrClosed) {
				t.Error(err)
			}
		}
	})
}

// TestDiffLeavesOut: what is mounted is no change, nor are the places of mounts.
func TestDiffLeavesOut(t *testing.T) {
	unchangedImages(t)
	s, v := busyboxStore(t, image.RunConfig{Volumes: map[string]struct{}{"/image": {}}}, tarOf(t, "dir d 0755", "link l d")), newVolumes(t)
	host := t.TempDir()
	must(t, os.Chmod(host, 0o777))
	mounts := sandbox.Options(sandbox.WithMount(fs.Volume("data", "/data")), sandbox.WithMount(fs.Volume("data", "/l/linked")), sandbox.WithMount(fs.Anonymous("/d/anon")),
		sandbox.WithMount(fs.Bind(host, "/host")), sandbox.WithMount(fs.Tmpfs("/tmpfs", 0)), sandbox.WithMount(fs.File("/d/file", 0o666, nil)))
	sb := startOf(t, tool(s), sandbox.WithVolumeStore(v), mounts)
	inside(t, sb, "for d in data l/linked d/anon host tmpfs image; do echo x > /$d/x; done; echo x >> /d/file")
	if got := diffOf(t, sb); got != "" {
		t.Errorf("only mounts: %s", got)
	}
	inside(t, sb, "echo x > /d/x")
	if got := diffOf(t, sb); got != "C /d\nA /d/x" {
		t.Errorf("%s", got)
	}
}

// TestDiffRoots: a directory that is copied on write can be compared, others
// cannot.
func TestDiffRoots(t *testing.T) {
	testutil.Unchanged(t)
	root := t.TempDir()
	must(t, os.Chmod(root, 0o755))
	must(t, os.MkdirAll(root+"/bin", 0o755))
	must(t, os.Mkdir(root+"/d", 0o755))
	must(t, os.WriteFile(root+"/d/f", nil, 0o644))
	b, err := os.ReadFile(testutil.Probe(t))
	must(t, err)
	must(t, os.WriteFile(root+"/bin/probe", b, 0o755))
	run := func(o sandbox.Option) *sandbox.Sandbox {
		t.Helper()
		sb, err := sandbox.New(o, sandbox.WithCommand("/bin/probe", "create|/new|x", "remove|/d/f"))
		must(t, err)
		t.Cleanup(func() { must(t, sb.Close()) })
		must(t, sb.Start(testContext(t)))
		_, err = sb.Wait(testContext(t))
		must(t, err)
		return sb
	}
	if got := diffOf(t, run(sandbox.WithRootfs(root))); got != "C /d\nD /d/f\nA /new" {
		t.Error(got)
	}
	if _, err := run(sandbox.WithRootfsWritable(root)).Diff(testContext(t)); !errors.Is(err, sandbox.ErrNotSupported) {
		t.Error(err)
	}
	if _, err := alive(t).Diff(testContext(t)); !errors.Is(err, sandbox.ErrNotSupported) {
		t.Error(err)
	}
}
