package sys

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// TestMountWatch: a change is seen by who asks, at once and later, and by who
// waits; without a change, nobody sees one.
func TestMountWatch(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount; the lane as root runs this")
	}
	dir := t.TempDir()
	for _, pause := range []time.Duration{0, 5 * time.Millisecond} {
		told := make(chan struct{})
		w, err := WatchMounts(func() { close(told) })
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(pause) // the runtime's poller has looked by then, or not yet
		select {
		case <-told:
			t.Log("something else was mounted meanwhile")
		default:
		}
		if err := syscall.Mount("none", dir, "tmpfs", 0, "size=4k"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(pause)
		for range 2 {
			if !w.Changed() {
				t.Errorf("after %v: a mount was not noticed", pause)
			}
		}
		<-told
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Fatal(err)
		}
	}
}
