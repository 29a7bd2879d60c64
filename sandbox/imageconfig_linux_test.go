package sandbox_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/sandbox"
)

// TestHostileImageConfig: what an image says is checked as what a caller says,
// before anything is started.
func TestHostileImageConfig(t *testing.T) {
	unchangedImages(t)
	s := newStore(t)
	base := busyboxLayer(t)
	many := make([]string, 200_000)
	for i := range many {
		many[i] = fmt.Sprintf("%d", i)
	}
	set := func(name string) map[string]struct{} { return map[string]struct{}{name: {}} }
	for _, c := range []struct {
		name   string
		config image.RunConfig
		text   string
	}{
		{"no equals sign", image.RunConfig{Env: []string{"PATH"}}, `"PATH" has no "="`},
		{"no name", image.RunConfig{Env: []string{"=x"}}, "no name before"},
		{"NUL in a variable", image.RunConfig{Env: []string{"A=b\x00c"}}, "NUL"},
		{"large variable", image.RunConfig{Env: []string{"A=" + strings.Repeat("x", 1<<17)}}, "longer than"},
		{"many bad variables", image.RunConfig{Env: many}, "perhaps more"},
		{"NUL in the command", image.RunConfig{Cmd: []string{"a\x00b"}}, "NUL"},
		{"no command", image.RunConfig{Cmd: []string{}}, "no command"},
		{"long name", image.RunConfig{Cmd: []string{strings.Repeat("x", 5000)}}, "longer than 4095"},
		{"directory in /proc", image.RunConfig{WorkingDir: "/proc/self/fd/7"}, "/proc"},
		{"relative into /proc", image.RunConfig{WorkingDir: "proc/1/root"}, "/proc"},
		{"directory with ..", image.RunConfig{WorkingDir: "/a/../.."}, `".."`},
		{"NUL in the directory", image.RunConfig{WorkingDir: "/a\x00b"}, "NUL"},
		{"endless directory", image.RunConfig{WorkingDir: strings.Repeat("/aaaa", 2000)}, "longer than"},
		{"volume with ..", image.RunConfig{Volumes: set("/a/../../../etc")}, `".."`},
		{"NUL in a volume", image.RunConfig{Volumes: set("/a\x00b")}, "NUL"},
		{"root as a volume", image.RunConfig{Volumes: set("/")}, "volume"},
		{"user", image.RunConfig{User: "a b"}, "WithUser"},
		{"user id", image.RunConfig{User: "4294967295"}, "WithUser"},
		{"group", image.RunConfig{User: "0:"}, "WithUser"},
		{"signal", image.RunConfig{StopSignal: "SIGNONSENSE"}, "stop signal"},
		{"signal 0", image.RunConfig{StopSignal: "0"}, "stop signal"},
		{"signal 65", image.RunConfig{StopSignal: "65"}, "stop signal"},
		{"negative signal", image.RunConfig{StopSignal: "-9"}, "stop signal"},
		{"real-time signal", image.RunConfig{StopSignal: "SIGRTMIN+99"}, "stop signal"},
	} {
		if c.config.Cmd == nil {
			c.config.Cmd = []string{"/bin/true"}
		}
		addImage(t, s, "tool", c.config, base)
		err := fails(t, tool(s))
		if !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(fmt.Sprint(err), c.text) {
			t.Errorf("%s: %v", c.name, err)
		}
		if n := len(fmt.Sprint(err)); n > 8192 {
			t.Errorf("%s: the error has %d bytes", c.name, n)
		}
	}
	sound(t, s)
}

// TestUnfriendlyImageConfig is what is odd, and yet works.
func TestUnfriendlyImageConfig(t *testing.T) {
	unchangedImages(t)
	s := newStore(t)
	base := busyboxLayer(t)
	same := make([]string, 300_000)
	for i := range same {
		same[i] = fmt.Sprintf("A=%d", i)
	}
	for _, c := range []struct {
		name   string
		config image.RunConfig
		script string
		want   string
	}{
		{"relative directory", image.RunConfig{WorkingDir: "work/here"}, "pwd", "/work/here"},
		{"slashes", image.RunConfig{WorkingDir: "//tmp//x/"}, "pwd", "/tmp/x"},
		{"one variable very often", image.RunConfig{Env: same}, "echo $A", "299999"},
		{"volumes", image.RunConfig{Volumes: map[string]struct{}{"data": {}, "/v/w/": {}, "/bin": {}}}, "ls -d /data /v/w", "/data\n/v/w"},
		{"signal", image.RunConfig{StopSignal: "sigrtmax-3"}, "echo x", "x"},
	} {
		addImage(t, s, "tool", c.config, base)
		if out := imageOutput(t, s, sandbox.WithCommand("/bin/sh", "-c", "PATH=/bin; "+c.script)); out != c.want {
			t.Errorf("%s: %q, want %q", c.name, out, c.want)
		}
	}
}

// TestImageWithoutFiles: no image ever shows the host's programs.
func TestImageWithoutFiles(t *testing.T) {
	unchangedImages(t)
	s := newStore(t)
	addImage(t, s, "tool", image.RunConfig{})
	err := fails(t, tool(s), sandbox.WithCommand("/bin/true"))
	if !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(fmt.Sprint(err), "no layers") {
		t.Errorf("image without layers: %v", err)
	}
	for _, layer := range [][]byte{tarOf(t), tarOf(t, "gone bin", "opaque etc")} {
		addImage(t, s, "tool", image.RunConfig{}, layer)
		if err := fails(t, tool(s), sandbox.WithCommand("/bin/true")); !errors.Is(err, sandbox.ErrNotFound) {
			t.Errorf("image without files: %v", err)
		}
	}
	spec := sandbox.Spec{Image: sandbox.Image{Ref: "tool"}, Process: sandbox.ProcessSpec{Command: []string{"/bin/true"}}}
	f, err := sandbox.Probe(testContext(t))
	must(t, err)
	if _, err := spec.Plan(f); !errors.Is(err, sandbox.ErrNotSupported) {
		t.Errorf("plan: %v", err)
	}
}

// TestImageMerge: options count more than the image, as docker run has it.
func TestImageMerge(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{
		Env: []string{"PATH=/bin", "A=image", "B=image"}, Entrypoint: []string{"sh", "-c"}, Cmd: []string{`echo "$A,$B,$C,$0,$1"`},
		WorkingDir: "/tmp", User: "lone",
	})
	for _, c := range []struct {
		name string
		opts []sandbox.Option
		want string
	}{
		{"image", nil, "image,image,,sh,"},
		{"environment", options(sandbox.WithEnv("B=mine", "C=mine")), "image,mine,mine,sh,"},
		{"command", options(sandbox.WithCommand(`echo "$0 $1 $A"`, "x", "y")), "x y image"},
		{"entrypoint drops the arguments", options(sandbox.WithEntrypoint("echo")), ""},
		{"entrypoint and command", options(sandbox.WithEntrypoint("echo", "a"), sandbox.WithCommand("b", "c")), "a b c"},
		{"no entrypoint", options(sandbox.WithEntrypoint(), sandbox.WithCommand("pwd")), "/tmp"},
		{"directory", options(sandbox.WithDir("/home"), sandbox.WithCommand("pwd")), "/home"},
		{"directory that is not there", options(sandbox.WithDir("/made/for/me"), sandbox.WithCommand("pwd")), "/made/for/me"},
		{"user", options(sandbox.WithUser("0"), sandbox.WithCommand("id -u")), "0"},
		{"user of the image", options(sandbox.WithCommand("id -u")), "1001"},
		{"home", options(sandbox.WithEnv("HOME=/x"), sandbox.WithCommand("echo $HOME")), "/x"},
	} {
		if out := imageOutput(t, s, c.opts...); out != c.want {
			t.Errorf("%s: %q, want %q", c.name, out, c.want)
		}
	}
	if err := fails(t, tool(s), sandbox.WithEntrypoint()); !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), "no command") {
		t.Errorf("neither entrypoint nor command: %v", err)
	}
}

// TestImageMakesDirectories: the working directory and volumes exist, and
// belong to root.
func TestImageMakesDirectories(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{
		WorkingDir: "/link/deep/dir", Volumes: map[string]struct{}{"/vol/a": {}, "/home/app": {}},
	}, tarOf(t, "link link real", "dir real 0755 5:5"))
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := imageOutput(t, s, lane, sandbox.WithCommand("stat", "-c", "%n %a %u:%g", "/real/deep/dir", "/vol/a", "/vol", "."))
		if want := "/real/deep/dir 755 0:0\n/vol/a 755 0:0\n/vol 755 0:0\n. 755 0:0"; out != want {
			t.Errorf("%q, want %q", out, want)
		}
		if out := imageOutput(t, s, lane, sandbox.WithReadOnlyRootfs(), sandbox.WithCommand("pwd")); out != "/link/deep/dir" && out != "/real/deep/dir" {
			t.Errorf("read-only root: %q", out)
		}
		if out := imageOutput(t, s, lane, sandbox.WithCommand("stat", "-c", "%a", "/home/app")); out != "700" {
			t.Errorf("volume that is there: %q", out)
		}
	})
}

// TestImageStopSignal: Stop sends the image's signal.
func TestImageStopSignal(t *testing.T) {
	unchangedImages(t)
	const script = `for s in TERM QUIT 37 INT; do trap "echo $s; exit 3" $s; done; echo ready; while :; do sleep 0.05; done`
	s := busyboxStore(t, image.RunConfig{Cmd: []string{"sh", "-c", script}, StopSignal: "SIGRTMIN+3"})
	quit := busyboxStore(t, image.RunConfig{Cmd: []string{"sh", "-c", script}, StopSignal: "3"})
	none := busyboxStore(t, image.RunConfig{Cmd: []string{"sh", "-c", script}})
	for _, c := range []struct {
		opts sandbox.Option
		want string
	}{
		{tool(s), "37"},
		{tool(quit), "QUIT"},
		{tool(none), "TERM"},
		{sandbox.Options(tool(s), sandbox.WithStop(syscall.SIGINT, time.Hour)), "INT"},
	} {
		sb, out := started(t, c.opts)
		awaitLine(t, out, "ready")
		stopped := make(chan error)
		go func() { stopped <- sb.Stop(testContext(t)) }()
		awaitLine(t, out, c.want)
		must(t, <-stopped)
		res, err := sb.Wait(testContext(t))
		if exit, ok := errors.AsType[*sandbox.ExitError](err); !ok || exit.ExitCode != 3 || res.Reason != sandbox.ReasonStopped {
			t.Errorf("%s: %v, %v", c.want, res, err)
		}
	}
}
