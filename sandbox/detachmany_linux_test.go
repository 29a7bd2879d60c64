package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestManyDetached: what they cost.
func TestManyDetached(t *testing.T) {
	testutil.NeedRoot(t) // to look at the memory of the monitors
	testutil.Unchanged(t)
	st := openStore(t)
	n := 300
	if testing.Short() {
		n = 30
	}
	all := make([]*sandbox.Sandbox, n)
	var wg sync.WaitGroup
	tokens := make(chan struct{}, 4)
	for i := range all {
		wg.Go(func() {
			tokens <- struct{}{}
			defer func() { <-tokens }()
			s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"), sandbox.WithState(st), sandbox.WithDetach(),
				sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: filepath.Join(st.Dir(), "sandboxes", itoa(i)+".log")}))
			if err == nil {
				err = s.Start(testContext(t))
			}
			if err != nil {
				t.Error(err)
				return
			}
			all[i] = s
		})
	}
	wg.Wait()
	pids := monitors(t)
	if len(pids) != n {
		t.Errorf("%d monitors, want %d", len(pids), n)
	}
	total, largest := 0, 0
	for _, pid := range pids {
		kib := pss(t, pid)
		total, largest = total+kib, max(largest, kib)
	}
	t.Logf("Pss of %d monitors: %d KiB each, %d KiB at most", len(pids), total/max(1, len(pids)), largest)
	if largest > 2100 {
		t.Errorf("a monitor takes %d KiB", largest)
	}
	for _, s := range all {
		if s == nil {
			continue
		}
		if err := errors.Join(s.Kill(), s.Close()); err != nil {
			t.Error(err)
		}
	}
	for _, s := range all {
		if s != nil {
			o := open(t, st, s)
			_, _ = o.Wait(testContext(t)) // killed
		}
	}
}

// pss is a process's proportional memory in KiB.
func pss(t testing.TB, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); f[0] == "Pss:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no Pss in %q", b)
	return 0
}
