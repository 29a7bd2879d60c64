package logs

import (
	"bufio"
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// TestFollowAcrossRotation: followers and readers that begin at any moment get
// each entry once and in order, while files are renamed and packed underneath.
func TestFollowAcrossRotation(t *testing.T) {
	testutil.Unchanged(t)
	total := 6000
	if testing.Short() {
		total = 2000
	}
	for _, o := range []JSONFileOptions{{MaxSize: 2000, MaxFiles: 1000}, {MaxSize: 20000, MaxFiles: 1000, Compress: true}} {
		path := filepath.Join(t.TempDir(), "log")
		d := mustOpen(t, path, o)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { consecutive(t, readNumbers(t, path, Options{Tail: -1, Follow: true}), 0, total) })
		}
		for i := 0; i < total; i += total / 10 {
			logRange(t, d, i, i+total/10)
			all.Go(func() { consecutive(t, readNumbers(t, path, Options{Tail: -1, Follow: true}), 0, total) })
			all.Go(func() {
				got := readNumbers(t, path, Options{Tail: -1})
				if len(got) < i {
					t.Errorf("%d entries after %d were logged", len(got), i)
				}
				consecutive(t, got, 0, len(got))
			})
			all.Go(func() {
				got := readNumbers(t, path, Options{Tail: 100, Follow: true})
				consecutive(t, got, -1, got[0]+len(got))
				if got[len(got)-1] != total-1 || got[0]+100 < i {
					t.Errorf("from %d to %d", got[0], got[len(got)-1])
				}
			})
		}
		mustClose(t, d)
		all.Wait()
	}
}

// TestFollowerTooSlow: files that are removed before a follower comes to them are
// said to be missing, and it goes on with those that are there.
func TestFollowerTooSlow(t *testing.T) {
	testutil.Unchanged(t)
	for _, maxFiles := range []int{1, 2, 3} {
		path := filepath.Join(t.TempDir(), "log")
		d := mustOpen(t, path, JSONFileOptions{MaxSize: 200, MaxFiles: maxFiles})
		logRange(t, d, 0, 2)
		last, dropped := -1, 0
		for e, err := range ReadJSONFile(t.Context(), path, Options{Tail: -1, Follow: true}) {
			de, isDropped := errors.AsType[*DroppedError](err)
			switch {
			case isDropped:
				if dropped++; de.Lines != -1 || !strings.Contains(err.Error(), "too slow") {
					t.Error(err)
				}
				continue
			case err != nil:
				t.Fatal(err)
			}
			n := number(t, e)
			if n <= last || n > last+1 && dropped == 0 {
				t.Errorf("%d after %d", n, last)
			}
			if last < 0 {
				logRange(t, d, 2, 100)
				mustClose(t, d)
			}
			last = n
		}
		if last != 99 || dropped == 0 {
			t.Errorf("%d files: last %d, %d times dropped", maxFiles, last, dropped)
		}
	}
}

// TestKilledWriter: what a killed writer has acknowledged is in its log, its
// followers end, and the next writer goes on.
func TestKilledWriter(t *testing.T) {
	testutil.Unchanged(t)
	rounds := 4
	for _, o := range []JSONFileOptions{{}, {MaxSize: 3000, MaxFiles: 10000}, {MaxSize: 3000, MaxFiles: 10000, Compress: true}} {
		for round := range rounds {
			path := filepath.Join(t.TempDir(), "log")
			cmd := helper(t, path, o)
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			acknowledged := 0
			lines := bufio.NewScanner(out)
			var followers sync.WaitGroup
			following := false
			var got [2][]int
			for lines.Scan() {
				if acknowledged, err = strconv.Atoi(lines.Text()); err != nil {
					t.Fatal(err)
				}
				if !following {
					following = true
					for i := range got {
						followers.Go(func() { got[i] = readNumbers(t, path, Options{Tail: -1, Follow: true}) })
					}
				}
				if acknowledged > 150*(round+1) {
					if err := cmd.Process.Kill(); err != nil && !errors.Is(err, syscall.ESRCH) {
						t.Fatal(err)
					}
				}
			}
			err = cmd.Wait()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("writer: %v", err)
			}
			followers.Wait() // they end by themselves
			n := len(readNumbers(t, path, Options{Tail: -1}))
			if n < acknowledged {
				t.Errorf("%d entries, %d were acknowledged", n, acknowledged)
			}
			for i := range got {
				consecutive(t, got[i], 0, n)
			}
			d := mustOpen(t, path, o)
			logRange(t, d, n, n+100)
			mustClose(t, d)
			consecutive(t, readNumbers(t, path, Options{Tail: -1}), 0, n+100)
		}
	}
}

// TestFollowerSeesLines: an entry is seen when it is logged, not later.
func TestFollowerSeesLines(t *testing.T) {
	testutil.Unchanged(t)
	for _, o := range []JSONFileOptions{{}, {MaxSize: 300, MaxFiles: 3}, {MaxSize: 300, MaxFiles: 3, Compress: true}, {MaxSize: 200}, {MaxSize: 1}} {
		followStepByStep(t, filepath.Join(t.TempDir(), "log"), o)
	}
}

func followStepByStep(t *testing.T, path string, o JSONFileOptions) {
	t.Helper()
	d := mustOpen(t, path, o)
	logRange(t, d, 0, 1)
	next := 0
	for e, err := range ReadJSONFile(t.Context(), path, Options{Tail: -1, Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if got := number(t, e); got != next {
			t.Fatalf("%d instead of %d", got, next)
		}
		// The next one is logged when this one was seen: nothing is held back.
		if next++; next == 200 {
			mustClose(t, d)
		} else if next < 200 {
			logRange(t, d, next, next+1)
		}
	}
	if next != 200 {
		t.Errorf("%d entries", next)
	}
}
