package cgroup

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestLeftovers: what a killed program leaves is removed, what a living one has
// is not.
func TestLeftovers(t *testing.T) {
	tr := tree(t)
	g := create(t, tr, Limits{})
	cmd := exec.Command("/proc/self/exe", "claim")
	cmd.Env = []string{helperEnv + "=1"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var pid int
	if _, err := fmt.Sscan(strings.TrimSpace(line), &name, &pid); err != nil {
		t.Fatal(err)
	}
	if found, err := tr.host.Collect(t.Context(), "sandkit-test"); err != nil || slices.Contains(found, name) || slices.Contains(found, tr.Name()) {
		t.Fatalf("collected %v, %v; both programs live", found, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	found, err := tr.host.Collect(t.Context(), "sandkit-test")
	if err != nil || !slices.Contains(found, name) || slices.Contains(found, tr.Name()) {
		t.Errorf("collected %v, %v; want %s", found, err, name)
	}
	until(t, "the process that was left is gone", func() bool { return syscall.Kill(pid, 0) != nil || zombie(pid) })
	for _, p := range g.places {
		if !exists(p.dir) {
			t.Errorf("%s is gone, and somebody uses it", p.dir)
		}
	}
}

func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(b), ") Z ")
}
