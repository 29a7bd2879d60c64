package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// TestNewFromSpec: a sandbox can be described by what another one was made
// from, also by way of JSON.
func TestNewFromSpec(t *testing.T) {
	profile, err := seccomp.Default().Deny("mkdir")
	if err != nil {
		t.Fatal(err)
	}
	all := sandbox.Options(
		sandbox.WithCommand("job", "arg"), sandbox.WithEnv("A=1"), sandbox.WithDir("/work"), sandbox.WithUser("1:2"), sandbox.WithGroups(3),
		sandbox.WithCapabilities("CHOWN"), sandbox.WithAmbientCapabilities("KILL"), sandbox.WithRlimit("nofile", 1, sandbox.RlimitInfinity),
		sandbox.WithUmask(0), sandbox.WithNewPrivileges(), sandbox.WithImage("image"), sandbox.WithPull(sandbox.PullNever),
		sandbox.WithEntrypoint("e"), sandbox.WithoutCapabilities("ALL"), sandbox.WithPlatform(image.Platform{OS: "linux", Architecture: "arm64"}), sandbox.WithReadOnlyRootfs(), sandbox.WithScratchSize(1),
		sandbox.WithMount(fs.File("/f", 0o600, []byte("content"))), sandbox.WithProc(fs.Proc{PIDOnly: true}), sandbox.WithMaskedPaths(),
		sandbox.WithReadOnlyPaths("/x"), sandbox.WithHostname("h"), sandbox.WithHostUsers(), sandbox.WithSeccomp(profile),
		sandbox.WithNamespaces(ns.Set{IPC: ns.OfHost(), Clocks: &ns.Clocks{Boottime: 1}}), sandbox.WithPublish("8080:80"), sandbox.WithExpose("81"), sandbox.WithName("name"), sandbox.WithTimeout(1), sandbox.WithTTY(25, 0), sandbox.WithOpenStdin(),
		sandbox.WithLabels(map[string]string{"k": "v"}), sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogRing}),
		sandbox.WithRestart(sandbox.RestartOnFailure(3)), sandbox.WithHealthcheck(sandbox.Healthcheck{Test: []string{"CMD", "true"}, Retries: 2}),
		sandbox.WithStop(syscall.SIGHUP, 1), sandbox.WithMemory(1<<30), sandbox.WithIO(cgroup.IOLimit{Device: "8:0", ReadBPS: 1}), sandbox.WithCgroupParent("p"),
		sandbox.WithVolumesFromRef("other", "ro"), sandbox.WithKeepVolumes(),
		sandbox.BestEffort(sandbox.WithLandlock(sandbox.Landlock{ReadOnly: []string{"/"}, MinABI: 2})),
	)
	first, err := sandbox.New(all)
	if err != nil {
		t.Fatal(err)
	}
	spec := first.Spec()
	for i, v := 0, reflect.ValueOf(spec); i < v.NumField(); i++ {
		if v.Field(i).IsZero() && v.Type().Field(i).Name != "Idle" { // TestIdleSpec
			t.Errorf("no option sets %s, so it is not tested", v.Type().Field(i).Name)
		}
	}
	var read sandbox.Spec
	if err := json.Unmarshal([]byte(spec.String()), &read); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]sandbox.Spec{"spec": spec, "JSON": read} {
		again, err := sandbox.NewFromSpec(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := again.Spec(); !got.Seccomp.Equal(spec.Seccomp) || got.String() != spec.String() {
			t.Errorf("%s: %s\nwant %s", name, got, spec)
		}
		if again.ID() == first.ID() {
			t.Error("two sandboxes have one id")
		}
	}
	changed, err := sandbox.NewFromSpec(spec, sandbox.WithCommand("other"), sandbox.WithEnv("B=2"))
	if err != nil {
		t.Fatal(err)
	}
	if p := changed.Spec().Process; !reflect.DeepEqual(p.Command, []string{"other"}) || !reflect.DeepEqual(p.Env, []string{"A=1", "B=2"}) {
		t.Errorf("with options: %+v", p)
	}
	if !reflect.DeepEqual(first.Spec().Process, spec.Process) {
		t.Error("a sandbox made from the Spec of another one changed it")
	}
}

// TestNothingIsShared: what the caller does to arguments afterwards, or to the
// Spec that it gets, changes no sandbox.
func TestNothingIsShared(t *testing.T) {
	args, env, content := []string{"-n", "hello"}, []string{"A=1"}, []byte("content")
	clocks := &ns.Clocks{Boottime: time.Hour}
	spec := sandbox.Spec{Process: sandbox.ProcessSpec{Env: env}, Namespaces: ns.Set{Clocks: clocks}, MaskedPaths: []string{"/a"}}
	s, err := sandbox.NewFromSpec(spec, sandbox.WithCommand("echo", args...), sandbox.WithMount(fs.File("/f", 0, content)))
	if err != nil {
		t.Fatal(err)
	}
	want := s.Spec().String()
	args[0], env[0], content[0], clocks.Boottime, spec.MaskedPaths[0] = "x", "x", 'x', 0, "x"
	got := s.Spec()
	got.Process.Command[0], got.Process.Env[0], got.Mounts[0].Content[0], got.Namespaces.Clocks.Boottime = "y", "y", 'y', 1
	if now := s.Spec().String(); now != want {
		t.Errorf("the Spec became\n%s\nwas\n%s", now, want)
	}
}

func TestIDsAndNames(t *testing.T) {
	seen := make(map[string]bool)
	for range 100 {
		s, err := sandbox.New(sandbox.WithCommand("true"))
		if err != nil {
			t.Fatal(err)
		}
		if id := s.ID(); !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(id) || seen[id] || s.Name() != id[:12] {
			t.Errorf("id %q, name %q", id, s.Name())
		}
		seen[s.ID()] = true
	}
	s, err := sandbox.New(sandbox.WithCommand("true"), sandbox.WithName("web"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Name() != "web" || s.String() != "sandbox web (created)" {
		t.Errorf("name %q, %s", s.Name(), s)
	}
}

// TestNewTouchesNothing: it makes no difference to the host, whatever it is
// asked for.
func TestNewTouchesNothing(t *testing.T) {
	testutil.Unchanged(t)
	if _, err := sandbox.New(sandbox.WithCommand("nowhere"), sandbox.WithRootfsWritable("/nowhere/at/all"),
		sandbox.WithMount(fs.Bind("/nowhere", "/x")), sandbox.WithUser("nobody-at-all")); err != nil {
		t.Errorf("New looked at the host: %v", err)
	}
}

func TestLogger(t *testing.T) {
	testutil.Unchanged(t)
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	high := sandbox.WithLandlock(sandbox.Landlock{ReadOnly: []string{"/"}, MinABI: 99})
	if _, err := sandbox.Run(testContext(t), sandbox.WithLogger(log), sandbox.WithLogger(nil), sandbox.BestEffort(high), sandbox.WithCommand("true")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"level":"WARN","msg":"sandbox goes without"`, `"what":"landlock"`, `"msg":"sandbox started"`, `"msg":"sandbox ended"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in the log:\n%s", want, &out)
		}
	}
}

func TestProbeOfTheHost(t *testing.T) {
	testutil.Unchanged(t)
	f, err := sandbox.Probe(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	last := f.List[len(f.List)-1]
	if last.Name != "own user namespace" || !last.OK || f.Privileged && !testutil.IsRoot() {
		t.Errorf("the host:\n%s", f)
	}
}

// TestConcurrentMethods: everything at once, on one sandbox. It ends, all see
// the same end, and nothing is left.
func TestConcurrentMethods(t *testing.T) {
	testutil.Unchanged(t)
	for range 20 {
		s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"), sandbox.WithStop(syscall.SIGTERM, time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		ctx := testContext(t)
		allowed := func(name string, err error, sentinels ...error) {
			for _, e := range sentinels {
				if errors.Is(err, e) {
					return
				}
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		ends := make(map[string]bool)
		starts := 0
		for range 3 {
			wg.Go(func() {
				err := s.Start(ctx)
				allowed("Start", err, sandbox.ErrRunning, sandbox.ErrClosed)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					starts++
				}
			})
			wg.Go(func() {
				res, err := s.Wait(ctx)
				end := ""
				if res != nil {
					end = res.String()
				} else {
					allowed("Wait", err, sandbox.ErrClosed)
				}
				mu.Lock()
				defer mu.Unlock()
				ends[end] = true
			})
			wg.Go(func() { allowed("Signal", s.Signal(syscall.SIGCONT), sandbox.ErrNotRunning) })
			wg.Go(func() { allowed("Stop", s.Stop(ctx), sandbox.ErrNotRunning) })
			wg.Go(func() { allowed("Kill", s.Kill(), sandbox.ErrNotRunning) })
			wg.Go(func() { allowed("Close", s.Close()) })
			wg.Go(func() { _, _, _, _ = s.ID(), s.Name(), s.String(), s.Spec() })
		}
		wg.Wait()
		if len(ends) != 1 || starts > 1 || ends[""] != (starts == 0) {
			t.Errorf("%d starts worked, and these ends were seen: %v", starts, ends)
		}
	}
}

// TestKillDuringStart: the start fails, and can be repeated.
func TestKillDuringStart(t *testing.T) {
	testutil.Unchanged(t)
	s, err := sandbox.New(sandbox.WithCommand("true"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	killed := false
	sandbox.TamperStart(s, func() {
		if !killed {
			killed = true
			if err := s.Kill(); err != nil {
				t.Errorf("Kill during the start: %v", err)
			}
			if err := s.Stop(testContext(t)); !errors.Is(err, sandbox.ErrNotRunning) {
				t.Errorf("Stop during the start: %v", err)
			}
			if err := s.Start(testContext(t)); !errors.Is(err, sandbox.ErrRunning) {
				t.Errorf("Start during the start: %v", err)
			}
		}
	})
	if err := s.Start(testContext(t)); err == nil || errors.Is(err, context.Canceled) {
		t.Fatalf("Start of a killed sandbox: %v", err)
	}
	if err := s.Start(testContext(t)); err != nil {
		t.Fatalf("second start: %v", err)
	}
	if res, err := s.Wait(testContext(t)); err != nil || res.Reason != sandbox.ReasonExited {
		t.Errorf("%v, %v", res, err)
	}
}

// TestContextIsNotTheLife: the contexts of Start and Wait bound these calls,
// and not the sandbox.
func TestContextIsNotTheLife(t *testing.T) {
	testutil.Unchanged(t)
	s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(testContext(t))
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	res, err := s.Wait(ctx)
	if res != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with an ended context: %v, %v", res, err)
	}
	if e, ok := errors.AsType[*sandbox.Error](err); !ok || e.Op != "wait" || e.ID != s.ID() {
		t.Errorf("%#v", err)
	}
	if err := s.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("it did not outlive the contexts: %v", err)
	}
	if res, _ := s.Wait(testContext(t)); res == nil || res.Signal != syscall.SIGTERM || res.Reason != sandbox.ReasonSignaled {
		t.Errorf("%v", res)
	}
	for _, sig := range []syscall.Signal{0, -1, 65} {
		if err := s.Signal(sig); !errors.Is(err, sandbox.ErrInvalidSpec) || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("signal %d: %v", sig, err)
		}
	}
}

// TestUseAfterClose: what has run and was closed still tells how it ended, and
// does nothing more.
func TestUseAfterClose(t *testing.T) {
	testutil.Unchanged(t)
	s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"))
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"Kill": s.Kill, "Signal": func() error { return s.Signal(syscall.SIGTERM) }, "Stop": func() error { return s.Stop(testContext(t)) },
	} {
		if err := call(); !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("%s before Start: %v", name, err)
		}
	}
	if err := s.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Start(testContext(t)); !errors.Is(err, sandbox.ErrClosed) {
			t.Errorf("Start: %v", err)
		}
		if err := s.Kill(); !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("Kill: %v", err)
		}
		if err := s.Signal(syscall.SIGTERM); !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("Signal: %v", err)
		}
		if err := s.Stop(testContext(t)); err != nil {
			t.Errorf("Stop: %v", err)
		}
		if res, err := s.Wait(testContext(t)); res == nil || res.Reason != sandbox.ReasonKilled || res.Signal != syscall.SIGKILL || err == nil {
			t.Errorf("Wait: %v, %v", res, err)
		}
		if _, _, text := s.ID(), s.Spec(), s.String(); !strings.Contains(text, s.Name()) {
			t.Errorf("%s", text)
		}
	}
}
