package sandbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
	"github.com/sandkit/sandkit/sandbox/volume"
)

// startOf starts a sandbox of an image, whose program waits.
func startOf(t *testing.T, opts ...sandbox.Option) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.New(append(opts, sandbox.WithCommand("sleep", "1000"))...)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Start(testContext(t)))
	return s
}

// inside runs a script in a running sandbox.
func inside(t *testing.T, s *sandbox.Sandbox, script string) string {
	t.Helper()
	var out strings.Builder
	p, err := s.Exec(testContext(t), sandbox.WithCommand("sh", "-c", script), sandbox.WithStdout(&out), sandbox.WithStderr(&out))
	must(t, err)
	if _, err := p.Wait(testContext(t)); err != nil {
		t.Errorf("%s: %v: %s", script, err, out.String())
	}
	return strings.TrimSpace(out.String())
}

// TestVolumesEnd: anonymous volumes end with their sandbox, unless they are to
// be kept; named ones stay; what is in use cannot be removed.
func TestVolumesEnd(t *testing.T) {
	unchangedImages(t)
	s, v := busyboxStore(t, image.RunConfig{Volumes: map[string]struct{}{"/image": {}, "/own": {}}}), newVolumes(t)
	with := sandbox.Options(tool(s), sandbox.WithVolumeStore(v), sandbox.WithMount(fs.Volume("data", "/data")),
		sandbox.WithMount(fs.Anonymous("/anon")), sandbox.WithMount(fs.Tmpfs("/own", 0)))
	sb := startOf(t, with)
	if got := inside(t, sb, "echo x > /image/x; echo x > /anon/x; stat -f -c %T /own"); got != "tmpfs" {
		t.Error(got)
	}
	if n := len(strings.Fields(volumeNames(t, v))); n != 3 {
		t.Errorf("%d volumes", n)
	}
	if got := volumeNames(t, v, volume.Filter{Key: "dangling", Value: "true"}); got != "" {
		t.Errorf("not in use: %s", got)
	}
	err := v.Remove(t.Context(), "data", volume.RemoveOptions{Force: true})
	if e, ok := errors.AsType[*volume.InUseError](err); !ok || len(e.Users) != 1 || e.Users[0] != sb.ID() {
		t.Error(err)
	}
	must(t, sb.Kill())
	_, _ = sb.Wait(testContext(t))
	if got := volumeNames(t, v, volume.Filter{Key: "dangling", Value: "true"}); got != "" {
		t.Errorf("not in use after the end: %s", got)
	}
	must(t, sb.Close())
	if got := volumeNames(t, v); got != "data" {
		t.Errorf("left: %s", got)
	}
	must(t, v.Remove(t.Context(), "data", volume.RemoveOptions{}))
	kept := startOf(t, with, sandbox.WithKeepVolumes())
	must(t, kept.Close())
	if r, err := v.Collect(t.Context()); err != nil || len(r.Volumes) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := v.Prune(t.Context(), volume.PruneOptions{}); err != nil || len(r.Volumes) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	// A start that fails leaves nothing anonymous.
	_ = fails(t, with, sandbox.WithCommand("/no/such/program"))
	_ = fails(t, with, sandbox.WithKeepVolumes(), sandbox.WithCommand("/no/such/program"))
	_ = fails(t, with, sandbox.WithMount(fs.Bind("/no/such/source", "/x")), sandbox.WithCommand("true"))
	if got := volumeNames(t, v); got != "data" {
		t.Errorf("left: %s", got)
	}
}

// TestVolumesNowhere: without a store, what has a name is an error that tells
// the remedy, and the rest is as long-lived as the root.
func TestVolumesNowhere(t *testing.T) {
	unchangedImages(t)
	for _, o := range []sandbox.Option{
		sandbox.WithMount(fs.Volume("data", "/data")),
		sandbox.Options(sandbox.WithMount(fs.Anonymous("/data")), sandbox.WithReadOnlyRootfs()),
		sandbox.Options(sandbox.WithMount(fs.Anonymous("/data")), sandbox.WithRootfsWritable("/")),
	} {
		_, err := sandbox.New(o, sandbox.WithCommand("true"))
		if !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), "WithVolumeStore") {
			t.Error(err)
		}
	}
	for _, o := range []sandbox.Option{
		sandbox.WithVolumeStore(nil), sandbox.WithVolumesFrom(nil, ""), sandbox.WithVolumesFromRef("", ""), sandbox.WithVolumesFromRef("web", "z"),
	} {
		if _, err := sandbox.New(o, sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrInvalidSpec) {
			t.Error(err)
		}
	}
	if err := fails(t, sandbox.WithVolumesFromRef("web", ""), sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Error(err)
	}
	s := busyboxStore(t, image.RunConfig{})
	if out := inImage(t, s, "echo x > /new/x; cat /new/x", sandbox.WithMount(fs.Anonymous("/new"))); out != "x" {
		t.Error(out)
	}
}

// TestCreateSource: a missing directory of the host is made when that was asked
// for, and goes when the start fails.
func TestCreateSource(t *testing.T) {
	testutil.Unchanged(t)
	dir := t.TempDir()
	m, err := fs.ParseVolume(dir + "/a/b:/mnt")
	must(t, err)
	err = fails(t, sandbox.WithMount(m), sandbox.WithCommand("/no/such/program"))
	if !errors.Is(err, sandbox.ErrNotFound) {
		t.Error(err)
	}
	if _, err := os.Stat(dir + "/a"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	_, err = sandbox.Output(testContext(t), sandbox.WithMount(m), sandbox.WithCommand("sh", "-c", "echo x > /mnt/f"))
	must(t, err)
	if b, err := os.ReadFile(dir + "/a/b/f"); err != nil || string(b) != "x\n" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestVolumesFrom: a sandbox has the mounts of others, with no more rights, also
// when these have ended, and volumes live as long as one of them.
func TestVolumesFrom(t *testing.T) {
	unchangedImages(t)
	s, v := busyboxStore(t, image.RunConfig{Volumes: map[string]struct{}{"/image": {}}}), newVolumes(t)
	host := t.TempDir()
	must(t, os.Chmod(host, 0o777))
	use := sandbox.Options(tool(s), sandbox.WithVolumeStore(v))
	first := startOf(t, use, sandbox.WithMount(fs.Volume("data", "/data")), sandbox.WithMount(fs.Bind(host, "/host")),
		sandbox.WithMount(fs.BindRO(host, "/ro")), sandbox.WithMount(fs.Tmpfs("/tmpfs", 0)))
	inside(t, first, "echo data > /data/f; echo image > /image/f; echo host > /host/f")
	const look = "cat /data/f /image/f /host/f /ro/f; for d in data image host ro; do echo x 2>/dev/null > /$d/x && echo $d; done; ls -d /tmpfs"
	second := startOf(t, use, sandbox.WithVolumesFrom(first, ""))
	if got := inside(t, second, look+" 2>/dev/null || true"); got != "data\nimage\nhost\nhost\ndata\nimage\nhost" {
		t.Error(got)
	}
	must(t, first.Kill())
	_, _ = first.Wait(testContext(t))
	third := startOf(t, use, sandbox.WithVolumesFrom(first, "ro"), sandbox.WithMount(fs.Anonymous("/data")))
	if got := inside(t, third, "cat /image/f; ls /data; for d in data image host ro; do echo x 2>/dev/null > /$d/x && echo $d; done; true"); got != "image\ndata" {
		t.Error(got)
	}
	must(t, first.Close())
	// Through another, after the first is gone; the later one wins.
	fourth := startOf(t, use, sandbox.WithVolumesFrom(third, "rw"), sandbox.WithVolumesFrom(second, "rw"))
	if got := inside(t, fourth, "cat /data/f; echo y > /image/y; cat /image/y"); got != "data\ny" {
		t.Error(got)
	}
	for _, sb := range []*sandbox.Sandbox{second, third} {
		must(t, sb.Close())
	}
	if got := inside(t, fourth, "cat /image/y"); got != "y" {
		t.Error(got)
	}
	must(t, fourth.Close())
	if got := volumeNames(t, v); got != "data" {
		t.Errorf("left: %s", got)
	}
	if err := fails(t, use, sandbox.WithVolumesFrom(first, ""), sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrClosed) {
		t.Error(err)
	}
	never, err := sandbox.New(use, sandbox.WithCommand("true"))
	must(t, err)
	defer never.Close()
	if err := fails(t, use, sandbox.WithVolumesFrom(never, ""), sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Error(err)
	}
}

// TestVolumesRecorded: the record names the volumes, the store of records keeps
// them, and others find a sandbox's mounts there.
func TestVolumesRecorded(t *testing.T) {
	unchangedImages(t)
	st, s := openStore(t), busyboxStore(t, image.RunConfig{Volumes: map[string]struct{}{"/image": {}}})
	v, err := st.Volumes()
	must(t, err)
	use := sandbox.Options(tool(s), sandbox.WithState(st))
	host := t.TempDir()
	must(t, os.Chmod(host, 0o777))
	flat := fs.Bind(host, "/host")
	flat.NoExec = true
	first := startOf(t, use, sandbox.WithName("first"), sandbox.WithMount(fs.Volume("data", "/data")), sandbox.WithMount(flat))
	inside(t, first, "echo x > /data/f; echo y > /image/f; echo 'echo z' > /host/z; chmod 755 /host/z")
	found := lookUp(t, st, "first")
	got := found.Record.Mounts
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	anon, err := v.Get(got[2].Name)
	must(t, err)
	data, err := v.Get("data")
	must(t, err)
	want := []state.Mount{
		{Type: "volume", Name: "data", Source: data.Path, Target: "/data"},
		{Type: "bind", Source: host, Target: "/host", NoExec: true},
		{Type: "volume", Name: anon.Name, Source: anon.Path, Target: "/image"},
	}
	for i, m := range first.Mounts() {
		if m.Name != want[i].Name || m.Source != want[i].Source || m.Target != want[i].Target {
			t.Errorf("%+v", m)
		}
	}
	if d := cmp.Diff(want, got); d != "" || !anon.Anonymous || !strings.HasPrefix(data.Path, filepath.Join(st.Dir(), "volumes")) {
		t.Error(d, anon, data)
	}
	second := startOf(t, use, sandbox.WithVolumesFromRef("first", "ro"))
	if got := inside(t, second, "cat /data/f /image/f; /host/z 2>/dev/null || echo no; echo x 2>/dev/null > /data/x || echo no"); got != "x\ny\nno\nno" {
		t.Error(got)
	}
	must(t, first.Close())
	if got := first.Mounts(); got != nil {
		t.Errorf("%v", got)
	}
	if got := inside(t, second, "cat /image/f"); got != "y" {
		t.Error(got)
	}
	must(t, second.Close())
	if got := volumeNames(t, v); got != "data" {
		t.Errorf("left: %s", got)
	}
	err = fails(t, use, sandbox.WithVolumesFromRef("first", ""), sandbox.WithCommand("true"))
	if !errors.Is(err, sandbox.ErrNotFound) || !errors.Is(err, state.ErrNotFound) {
		t.Error(err)
	}
}

// TestVolumesOfKilledHost: when the host program is killed, volumes are not in
// use any more, and a collection removes the anonymous ones.
func TestVolumesOfKilledHost(t *testing.T) {
	testutil.Unchanged(t)
	collect(t)
	st := openStore(t)
	play(t, "supervise", "0s", "volumes", st.Dir())
	v, err := st.Volumes()
	must(t, err)
	if got := strings.Fields(volumeNames(t, v)); len(got) != 2 {
		t.Errorf("before: %v", got)
	}
	if got := volumeNames(t, v, volume.Filter{Key: "dangling", Value: "false"}); got != "" {
		t.Errorf("in use by the dead: %s", got)
	}
	r, err := st.Collect(t.Context(), nil)
	if err != nil || len(r.Removed) != 1 || len(r.Volumes) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if got := volumeNames(t, v); got != "data" {
		t.Errorf("after: %s", got)
	}
}

// TestVolumesOfHostileImage: an image cannot have the kernel's files hidden, nor
// as many volumes as it likes.
func TestVolumesOfHostileImage(t *testing.T) {
	unchangedImages(t)
	v, many := newVolumes(t), make(map[string]struct{})
	for i := range 1000 {
		many["/v/"+itoa(i)] = struct{}{}
	}
	for _, volumes := range []map[string]struct{}{{"/proc/sys": {}}, {"/sys": {}}, many} {
		err := fails(t, tool(busyboxStore(t, image.RunConfig{Volumes: volumes})), sandbox.WithVolumeStore(v), sandbox.WithCommand("true"))
		if !errors.Is(err, sandbox.ErrInvalidSpec) {
			t.Error(err)
		}
	}
	if got := volumeNames(t, v); got != "" {
		t.Errorf("left: %s", got)
	}
}

// TestPlanOfVolumes: a dry run makes none.
func TestPlanOfVolumes(t *testing.T) {
	f, err := sandbox.Probe(testContext(t))
	must(t, err)
	spec := sandbox.Spec{Process: sandbox.ProcessSpec{Command: []string{"true"}}, Mounts: []fs.Mount{fs.Volume("data", "/data"), fs.Anonymous("/anon")}}
	p, err := spec.Plan(f)
	must(t, err)
	for _, want := range []string{"volume data", "mount /anon"} {
		if !strings.Contains(p.String(), want) {
			t.Errorf("no %q in %s", want, p)
		}
	}
}
