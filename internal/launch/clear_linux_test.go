package launch

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/program"
)

// resting is plain without a main process.
func resting() *program.Program {
	p := common(func(*program.Sequence) {})
	p.Init.StayIdle()
	p.Main.Exit()
	return p
}

// TestClear: every process but process 1 is dead when Clear returns, wherever it
// has gone, and others can be made afterwards.
func TestClear(t *testing.T) {
	p := alive(t, resting())
	for range 5 {
		files, _ := stdio(t)
		c, err := p.Exec(t.Context(), further(3, "/bin/sh", "-c", "setsid sh -c 'sleep 1000 & sleep 1000' & trap '' TERM INT; echo up; sleep 1000"), files)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				if err := p.Clear(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		<-c.Ended() // it was told before
		if s := c.Status(); !s.Known || s.Wait.Signal() != syscall.SIGKILL {
			t.Errorf("%+v", s)
		}
		files, out := stdio(t)
		if c, err = p.Exec(t.Context(), further(3, "/bin/sh", "-c", "echo /proc/[0-9]*"), files); err != nil {
			t.Fatal(err)
		}
		<-c.Ended()
		if got := strings.Fields(out()); len(got) == 0 || !c.Last() {
			t.Errorf("%q", got)
		}
	}
	if err := p.Signal(0); err != nil { // it only asks
		t.Error(err)
	}
	if err := p.Clear(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := p.Clear(t.Context()); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
}
