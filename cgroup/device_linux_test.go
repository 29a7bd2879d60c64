package cgroup

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// opens tells which of the devices the group may open, each as r, w or b
// (both): "b /dev/null".
func opens(t *testing.T, g *Group, what ...string) []bool {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", append([]string{"open"}, what...)...)
	cmd.Env = []string{helperEnv + "=1"}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.AddProcess(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	var can []bool
	for line := range strings.FieldsSeq(out.String()) {
		can = append(can, line == "true")
	}
	return can
}

func TestDevices(t *testing.T) {
	if !testutil.IsRoot() {
		testDevicesRefused(t)
		return
	}
	g := create(t, tree(t), Limits{Devices: []DeviceRule{}})
	check := func(what string, want bool) {
		t.Helper()
		if got := opens(t, g, what); len(got) != 1 || got[0] != want {
			t.Errorf("%s with %v: %v, want %v", what, g.Limits().Devices, got, want)
		}
	}
	// kmsg is 1:11 and not among the standard devices.
	check("b /dev/null", true)
	check("r /dev/kmsg", false)
	apply := func(rules []DeviceRule) {
		t.Helper()
		if err := g.Apply(t.Context(), Limits{Devices: rules}); err != nil {
			t.Fatal(err)
		}
	}
	apply([]DeviceRule{{"c", 1, 11, "r"}})
	check("r /dev/kmsg", true)
	check("w /dev/kmsg", false)
	check("b /dev/kmsg", false)
	apply([]DeviceRule{{"c", 1, 11, "r"}, {"c", 1, 11, "w"}})
	check("b /dev/kmsg", true)
	apply([]DeviceRule{{"b", 1, 11, "rwm"}})
	check("r /dev/kmsg", false)
	apply([]DeviceRule{{"c", 1, AnyDevice, "w"}})
	check("w /dev/kmsg", true)
	check("r /dev/kmsg", false)
	apply(nil)
	check("b /dev/kmsg", true)
}

// testDevicesRefused: an ordinary user is told that there is no filter.
func testDevicesRefused(t *testing.T) {
	tr := tree(t)
	limits := Limits{Devices: []DeviceRule{}}
	if _, err := tr.Create(t.Context(), Config{Name: "no", Limits: limits}); !errors.Is(err, ErrNotSupported) {
		t.Fatalf("a device filter for an ordinary user: %v", err)
	}
	g, err := tr.Create(t.Context(), Config{Name: "job", Limits: limits, BestEffort: BestEffort{"Devices"}})
	if err != nil {
		t.Fatal(err)
	}
	if d := g.Dropped(); len(d) != 1 || d[0].Field != "Devices" || !errors.Is(d[0].Err, ErrNotSupported) {
		t.Errorf("dropped %v", d)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFilterInstructions(t *testing.T) {
	got := filterInstructions([]DeviceRule{{"c", 1, 3, "r"}, {"b", AnyDevice, AnyDevice, "m"}, {"c", 1, 3, "wr"}})
	testutil.Golden(t, "filter", got.String())
	if n := len(mergeRules([]DeviceRule{{"c", 1, 3, "r"}, {"c", 1, 3, "wr"}})); n != 1 {
		t.Errorf("%d rules", n)
	}
}
