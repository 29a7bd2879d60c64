package sandbox_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestImageUser: users are looked up in the image.
func TestImageUser(t *testing.T) {
	unchangedImages(t)
	base := busyboxLayer(t)
	s := newStore(t)
	for _, c := range []struct{ user, ids, home string }{
		{"", "0 0 0", "/root"},
		{"app", "1000 1000 77 1000", "/home/app"},
		{"1000", "1000 1000 77 1000", "/home/app"},
		{"app:root", "1000 0 0", "/home/app"},
		{"1000:77", "1000 77 77", "/home/app"},
		{"lone", "1001 1001 1001", "/"},
		{"4000", "4000 0 0", "/"},
		{"4000:5", "4000 5 5", "/"},
		{"0:more", "0 77 77", "/root"},
	} {
		addImage(t, s, "tool", image.RunConfig{User: c.user, Env: []string{"PATH=/bin"}}, base)
		lanes(t, func(t *testing.T, lane sandbox.Option) {
			out := imageOutput(t, s, lane, sandbox.BestEffort(sandbox.WithGroups()),
				sandbox.WithCommand("sh", "-c", `echo $(id -u) $(id -g) $(id -G | busybox tr ' ' '\n' | sort -n) $HOME`))
			want := c.ids + " " + c.home
			if !testutil.IsRoot() { // an ordinary user has one group
				f := strings.Fields(c.ids)
				want = strings.Join([]string{f[0], f[1], f[1], c.home}, " ")
			}
			if out != want {
				t.Errorf("user %q: %q, want %q", c.user, out, want)
			}
		})
	}
	// An option counts more.
	if out := imageOutput(t, s, sandbox.WithUser("lone"), sandbox.WithCommand("id", "-un")); out != "lone" {
		t.Errorf("WithUser: %q", out)
	}
	for _, user := range []string{"nobody", "app:none", "none:0"} {
		addImage(t, s, "tool", image.RunConfig{User: user}, base)
		err := fails(t, tool(s), sandbox.WithCommand("/bin/true"))
		e, ok := errors.AsType[*sandbox.Error](err)
		if !ok || !errors.Is(err, sandbox.ErrNotFound) || e.Stage != sandbox.StagePrepare || !strings.Contains(err.Error(), "no") {
			t.Errorf("user %q: %v (%+v)", user, err, e)
		}
	}
}

// TestImagePasswdIsTheOneInside: what the program sees as /etc/passwd is what
// counts, and never the host's.
func TestImagePasswdIsTheOneInside(t *testing.T) {
	unchangedImages(t)
	given := "root:x:0:0::/root:/bin/sh\nmade:x:5:6::/made:/bin/sh\n"
	s := busyboxStore(t, image.RunConfig{})
	mount := fs.File("/etc/passwd", 0o644, []byte(given))
	out := imageOutput(t, s, sandbox.WithMount(mount), sandbox.WithUser("made"), sandbox.WithCommand("sh", "-c", "id -u; id -g; echo $HOME"))
	if out != "5\n6\n/made" {
		t.Errorf("user of a file that was given: %q", out)
	}
	if err := fails(t, tool(s), sandbox.WithMount(mount), sandbox.WithUser("app"), sandbox.WithCommand("true")); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("user of the file that is hidden: %v", err)
	}
	for name, layer := range map[string][]string{
		"up":       {"link etc/passwd ../../../../../../etc/passwd"},
		"absolute": {"gone etc/passwd", "link etc/passwd /etc/passwd"},
		"proc":     {"link etc/passwd /proc/self/root/etc/passwd"},
		"etc":      {"gone etc", "link etc /../../etc"},
		"dir":      {"gone etc/passwd", "dir etc/passwd 0755"},
		"fifo":     {"fifo etc/passwd 0644"},
		"none":     {"gone etc"},
	} {
		s := busyboxStore(t, image.RunConfig{}, tarOf(t, layer...))
		if err := fails(t, tool(s), sandbox.WithUser("daemon"), sandbox.WithCommand("/bin/true")); err != nil {
			if strings.Contains(err.Error(), "exit status") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	// A link that stays inside is followed.
	s = busyboxStore(t, image.RunConfig{}, tarOf(t, "link etc/passwd /data/users", "file data/users 0644 0:0 "+given))
	if out := imageOutput(t, s, sandbox.WithUser("made"), sandbox.WithCommand("sh", "-c", "echo $HOME")); out != "/made" {
		t.Errorf("link to another file: %q", out)
	}
}

// TestImageCapabilities: root of an image has Docker's capabilities, and they
// work.
func TestImageCapabilities(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{})
	const docker, none = "00000000a80425fb", "0000000000000000"
	for _, c := range []struct {
		name            string
		opts            sandbox.Option
		permitted, most string
		root            bool
	}{
		{"default", nil, docker, docker, false},
		{"added", sandbox.WithCapabilities("SYS_ADMIN"), "00000000a82425fb", "00000000a82425fb", false},
		{"taken away", sandbox.WithoutCapabilities("NET_RAW", "cap_mknod"), "00000000a00405fb", "00000000a00405fb", false},
		{"none", sandbox.WithoutCapabilities("ALL"), none, none, false},
		{"just one", sandbox.Options(sandbox.WithoutCapabilities("all"), sandbox.WithCapabilities("CHOWN")), "0000000000000001", "0000000000000001", false},
		{"user", sandbox.WithUser("lone"), none, docker, false},
		{"ambient", sandbox.Options(sandbox.WithUser("lone"), sandbox.WithAmbientCapabilities("CHOWN")), "0000000000000001", docker, false},
		{"host users", sandbox.WithHostUsers(), none, none, true},
		{"asked for with host users", sandbox.Options(sandbox.WithHostUsers(), sandbox.WithCapabilities("CHOWN")), "0000000000000001", "0000000000000001", true},
	} {
		if c.root && !testutil.IsRoot() {
			continue
		}
		out := imageOutput(t, s, sandbox.Options(c.opts), sandbox.WithCommand("grep", "Cap...:", "/proc/self/status"))
		want := strings.Join([]string{c.permitted, c.permitted, c.most}, " ")
		f := strings.Fields(out) // CapInh: x CapPrm: x CapEff: x CapBnd: x CapAmb: x
		if len(f) != 10 || strings.Join([]string{f[3], f[5], f[7]}, " ") != want {
			t.Errorf("%s: %q, want %s", c.name, f, want)
		}
	}
	err := fails(t, tool(s), sandbox.WithoutCapabilities("NONSENSE"), sandbox.WithCommand("true"))
	if !errors.Is(err, sandbox.ErrInvalidSpec) || !strings.Contains(err.Error(), "WithoutCapabilities") {
		t.Errorf("capability that is none: %v", err)
	}
}

func TestImageRootCan(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{})
	out := probe(t, options(tool(s)), "listen|tcp|127.0.0.1:80", "create|/f|x", "chown|/f|0|0", "rawsocket", "mount|none|/tmp|tmpfs|0", "chown|/f|7|8", "stat|/f", "setuid|9", "status|Uid")
	gives(t, out[0], "127.0.0.1:80")
	works(t, out[1])
	works(t, out[2])
	if out[4].Errno == "" {
		t.Error("mounting works")
	}
	if testutil.IsRoot() { // an ordinary user has one id
		for _, o := range out[5:] {
			works(t, o)
		}
		if !strings.Contains(out[6].Out, " 7:8 ") || strings.Join(strings.Fields(out[8].Out), " ") != "Uid:9 9 9 9" {
			t.Errorf("owner %q, user %q", out[6].Out, out[8].Out)
		}
	}
	without := probe(t, options(tool(s), sandbox.WithoutCapabilities("NET_BIND_SERVICE", "CHOWN", "SETUID")),
		"listen|tcp|127.0.0.1:80", "create|/f|x", "chown|/f|7|8", "setuid|9")
	for _, i := range []int{0, 2, 3} {
		denied(t, without[i], eacces, eperm, einval)
	}
}
