package sandbox_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox"
)

// planFeatures are those of a host that does not exist.
func planFeatures(privileged bool) sandbox.Features {
	return sandbox.Features{
		Release: "6.12.0", Version: kernel.Version{Major: 6, Minor: 12}, Privileged: privileged, Landlock: 6,
		List: []sandbox.Feature{{Name: kernel.Seccomp, OK: true}, {Name: kernel.Landlock, OK: true}, {Name: kernel.TimeNS, Since: "5.6", OK: privileged}},
	}
}

// TestPlans compares whole plans: any change of what a sandbox does shows.
func TestPlans(t *testing.T) {
	root := t.TempDir()
	data := t.TempDir()
	paths := sandbox.Options(sandbox.WithMaskedPaths("/proc/keys", "/sys/firmware"), sandbox.WithReadOnlyPaths("/proc/sys"),
		sandbox.WithRootfs(root))
	ro := fs.File("/etc/fixed", 0o600, []byte("fixed"))
	ro.ReadOnly = true
	cases := map[string]struct {
		privileged bool
		options    sandbox.Option
	}{
		"root":      {true, sandbox.Options()},
		"user":      {false, sandbox.Options()},
		"hostusers": {true, sandbox.WithHostUsers()},
		"writable":  {true, sandbox.WithRootfsWritable(root)},
		"idle":      {true, sandbox.Options(sandbox.WithIdle(), sandbox.WithCapabilities("SYS_ADMIN"))},
		"rich": {true, sandbox.Options(
			sandbox.WithCommand("job", "arg"), sandbox.WithEnv("A=1", "PATH=/a:/b", "A=2"), sandbox.WithDir("/work"), sandbox.WithUser("1000:100"),
			sandbox.WithGroups(7), sandbox.WithAmbientCapabilities("NET_BIND_SERVICE"), sandbox.WithCapabilities("CAP_SYS_ADMIN"),
			sandbox.WithRlimit("nofile", 10, 20), sandbox.WithUmask(0o77), sandbox.WithReadOnlyRootfs(), sandbox.WithHostname("box"),
			sandbox.WithMount(fs.BindRO(data, "/data")), sandbox.WithMount(fs.Tmpfs("/data/tmp", 4096)), sandbox.WithMount(fs.File("/etc/motd", 0, []byte("hi"))),
			sandbox.WithMount(ro), sandbox.WithLandlock(sandbox.Landlock{ReadOnly: []string{"/"}, ReadWrite: []string{"/tmp"}}),
			sandbox.WithNamespaces(ns.Set{Net: ns.OfHost(), Clocks: &ns.Clocks{Boottime: -time.Millisecond}}),
		)},
		"tty": {true, sandbox.Options(sandbox.WithTTY(0, 100), sandbox.WithUser("1000:100"), sandbox.WithCapabilities("CAP_SYS_ADMIN"))},
		"dropped": {false, sandbox.BestEffort(
			sandbox.WithNamespaces(ns.Set{Clocks: &ns.Clocks{}}), sandbox.WithLandlock(sandbox.Landlock{ReadOnly: []string{"/"}, MinABI: 7}),
		)},
	}
	for name, c := range cases {
		if c.privileged && !testutil.IsRoot() {
			continue // the root directory belongs to somebody else than in root's plan
		}
		if name != "idle" {
			c.options = sandbox.Options(sandbox.WithCommand("/bin/true"), c.options)
		}
		s, err := sandbox.New(paths, c.options)
		if err != nil {
			t.Fatal(err)
		}
		spec := s.Spec()
		p, err := spec.Plan(planFeatures(c.privileged))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := strings.NewReplacer(root, "/ROOT", data, "/DATA").Replace(p.String())
		// The filter is golden-tested where it is made, and the mapping of an
		// ordinary user depends on the user.
		text = regexp.MustCompile(`\{\d+ instructions\}`).ReplaceAllString(text, "{FILTER}")
		text = regexp.MustCompile(`seccomp default: .*`).ReplaceAllString(text, "seccomp default")
		if !c.privileged {
			text = regexp.MustCompile(`0:0:\d+`).ReplaceAllString(text, "0:0:N")
			text = regexp.MustCompile(`"0 0 \d+\\n", \d+`).ReplaceAllString(text, `"0 0 N\n", N`)
		}
		// So does the owner of the directories, and thereby the numbers of steps.
		text = regexp.MustCompile(`(?m)^ +\d+  `).ReplaceAllString(text, "    ")
		text = regexp.MustCompile(`(?m)^ +fchownat\(\$\d+, "upper".*\n`).ReplaceAllString(text, "")
		testutil.Golden(t, "plan-"+name, text)
	}
}

func TestPlanNeedsWhatTheHostCannotGive(t *testing.T) {
	s, err := sandbox.New(sandbox.WithCommand("true"), sandbox.WithNamespaces(ns.Set{Clocks: &ns.Clocks{}}))
	if err != nil {
		t.Fatal(err)
	}
	spec := s.Spec()
	_, err = spec.Plan(planFeatures(false))
	if err == nil || !strings.Contains(err.Error(), "time namespaces not supported (Linux 5.6 or newer)") {
		t.Errorf("%v", err)
	}
	empty := sandbox.Spec{}
	if _, err := empty.Plan(planFeatures(true)); err == nil {
		t.Error("an empty spec was planned")
	}
}
