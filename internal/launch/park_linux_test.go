package launch

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// parked waits until so many launchers are parked.
func parked(t *testing.T, want int) {
	t.Helper()
	var n int
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		n = 0
		lot.mu.Lock()
		for _, pl := range lot.places {
			n += len(pl.parked)
		}
		settled := n == lot.count
		lot.mu.Unlock()
		if n == want && settled {
			return
		}
	}
	t.Fatalf("%d launchers are parked, want %d", n, want)
}

func run(t *testing.T, files []*os.File, park bool) {
	t.Helper()
	p, err := Start(t.Context(), plain("/bin/true"), Options{MainFiles: files, Park: park})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := p.Wait(); err != nil || s.Wait != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	p.Release()
}

func TestParking(t *testing.T) {
	files, _ := stdio(t)
	t.Cleanup(Trim)
	Trim()
	run(t, files, true)
	parked(t, 0) // one start says nothing about the next
	run(t, files, false)
	parked(t, 0)
	run(t, files, true)
	parked(t, parkEach)
	for range 10 {
		run(t, files, true)
	}
	lot.mu.Lock()
	if lot.count > parkEach {
		t.Errorf("%d launchers are parked for one prelude", lot.count)
	}
	lot.mu.Unlock()
	lot.Drop() // what happens when nothing does for a while
	parked(t, 0)
	Trim()
}

// TestParkedLauncherDied: somebody killed it; the start does not notice.
func TestParkedLauncherDied(t *testing.T) {
	files, _ := stdio(t)
	t.Cleanup(Trim)
	Trim()
	run(t, files, true)
	run(t, files, true)
	parked(t, parkEach)
	lot.mu.Lock()
	for _, pl := range lot.places {
		for _, p := range pl.parked {
			if err := syscall.Kill(p.proc.Pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}
	}
	lot.mu.Unlock()
	run(t, files, true)
}

// TestMountsChange: a parked launcher has a copy of the mounts that were there.
func TestMountsChange(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount; the lane as root runs this")
	}
	files, _ := stdio(t)
	t.Cleanup(Trim)
	Trim()
	run(t, files, true)
	run(t, files, true)
	parked(t, parkEach)
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=4k"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	parked(t, 0)
}

func TestTrimEndsEverything(t *testing.T) {
	files, _ := stdio(t)
	for range 5 {
		run(t, files, true)
	}
	Trim()
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("there is still a child, %d, %v", pid, err)
	}
}
