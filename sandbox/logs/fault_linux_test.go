package logs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// TestEveryStepFails: whichever change of a file fails, once, the error says so
// at the latest when the log is closed, what was acknowledged stays, in order,
// and the log can be written on.
func TestEveryStepFails(t *testing.T) {
	testutil.Unchanged(t)
	for _, o := range []JSONFileOptions{{MaxSize: 150, MaxFiles: 100}, {MaxSize: 150}, {MaxSize: 150, MaxFiles: 100, Compress: true}} {
		for step := 0; ; step++ {
			path, n, broken := filepath.Join(t.TempDir(), "log"), step, ""
			var mu sync.Mutex // files are packed in the background
			d, err := openJSONFile(path, o, disk{fault: func(op, path string) error {
				mu.Lock()
				defer mu.Unlock()
				if n--; n != -1 {
					return nil
				}
				broken = op + " " + filepath.Base(path)
				return syscall.ENOSPC
			}})
			if err != nil {
				isErr(t, err, syscall.ENOSPC)
				continue
			}
			acknowledged := acknowledge(t, d, 7)
			closeErr := d.Close()
			if broken == "" {
				if closeErr != nil || step < 15 {
					t.Errorf("%d steps, %v", step, closeErr)
				}
				break
			}
			if len(acknowledged) == 7 {
				if isErr(t, closeErr, syscall.ENOSPC); !strings.Contains(closeErr.Error(), "log.1") {
					t.Error(closeErr)
				}
			}
			d = mustOpen(t, path, o)
			acknowledged = append(acknowledged, 7, 8)
			logRange(t, d, 7, 9)
			mustClose(t, d)
			if o.MaxFiles == 0 {
				acknowledged = []int{8} // the others are gone as they should be
			}
			contains(t, fmt.Sprintf("%+v, step %d, %s failed", o, step, broken), readNumbers(t, path, Options{Tail: -1}), acknowledged)
			if left := listing(t, filepath.Dir(path)); strings.Contains(left, "tmp") || strings.Contains(left, "new") {
				t.Errorf("%s failed: %s is left", broken, left)
			}
		}
	}
}

// acknowledge logs entries and gives the numbers of those that were taken.
func acknowledge(t testing.TB, d *JSONFile, n int) []int {
	var all []int
	for i := range n {
		err := d.Log(numbered(i))
		if err == nil {
			all = append(all, i)
		} else if isErr(t, err, syscall.ENOSPC); !strings.Contains(err.Error(), d.Path()) {
			t.Error(err)
		}
	}
	return all
}

// contains checks that all that was acknowledged is in the log, in its order. An
// entry whose Log failed may be there.
func contains(t testing.TB, what string, got, want []int) {
	t.Helper()
	i := 0
	for k, n := range got {
		if k > 0 && n <= got[k-1] {
			t.Errorf("%s: %v", what, got)
		}
		if i < len(want) && n == want[i] {
			i++
		}
	}
	if i < len(want) {
		t.Errorf("%s: %v, acknowledged were %v", what, got, want)
	}
}

// TestFullDisk: a line that was written in part is not taken for one.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	fail := false
	d, err := openJSONFile(path, JSONFileOptions{}, disk{fault: func(string, string) error {
		if fail {
			return syscall.ENOSPC
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		fail = i%2 == 1
		if err := d.Log(numbered(i)); fail != errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%d: %v", i, err)
		}
	}
	fail = false
	mustClose(t, d)
	b, err := os.ReadFile(path)
	if err != nil || strings.Count(string(b), "\n") < 9 {
		t.Errorf("%s, %v", b, err)
	}
	got := readNumbers(t, path, Options{Tail: -1})
	if fmt.Sprint(got) != "[0 2 4 6 8]" {
		t.Errorf("%v", got)
	}
	if got := readNumbers(t, path, Options{Tail: 3}); fmt.Sprint(got) != "[4 6 8]" {
		t.Errorf("%v", got)
	}
}
