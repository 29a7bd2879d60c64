package launch

import (
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// keeping is a Program that keeps n of the files that it opens, in this order,
// whatever lies between them.
func keeping(names ...string) *program.Program {
	return plainUntil(func(q *program.Sequence) {
		var kept []program.FD
		for _, name := range names {
			q.Openat(program.Cwd, "/", sys.O_RDONLY|sys.O_DIRECTORY, 0)
			kept = append(kept, q.Openat(program.Cwd, name, sys.O_RDONLY, 0))
		}
		q.Openat(program.Cwd, "/", sys.O_RDONLY|sys.O_DIRECTORY, 0)
		if len(kept) > 1 { // the first one lies above the second
			q.Close(kept[0])
			kept[0] = q.Openat(program.Cwd, names[0], sys.O_RDONLY, 0)
		}
		q.Keep(kept...)
	}, "/bin/sleep", "1000")
}

// TestKeep: the host program gets the files, and process 1 has none of them, nor
// any other, left.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for _, name := range []string{"one", "two", "three"} {
		paths = append(paths, dir+"/"+name)
		if err := os.WriteFile(dir+"/"+name, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for n := range program.MaxKept + 1 {
		files, _ := stdio(t)
		p, err := Start(t.Context(), keeping(paths[:n]...), Options{MainFiles: files})
		if err != nil {
			t.Fatal(err)
		}
		got := p.TakeFiles()
		if len(got) != n || p.TakeFiles() != nil {
			t.Errorf("%d files, want %d", len(got), n)
		}
		for i, f := range got {
			b, err := io.ReadAll(f)
			if want := []string{"one", "two", "three"}[i]; err != nil || string(b) != want {
				t.Errorf("file %d: %q, %v, want %q", i, b, err, want)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// TestKeepNoRoom: when the host program has no descriptor left, the start fails
// with EMFILE, and nothing of it stays.
func TestKeepNoRoom(t *testing.T) {
	files, _ := stdio(t)
	runtime.GC() // closes what earlier tests forgot
	before := len(openFiles(t))
	free, err := syscall.Dup(0) // the lowest free number
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Close(free); err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	worked, failed := 0, 0
	for room := range 16 {
		low := limit
		low.Cur = uint64(free + room)
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
			t.Fatal(err)
		}
		p, err := Start(t.Context(), keeping("/etc/passwd", "/etc/group"), Options{MainFiles: files})
		if rerr := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); rerr != nil {
			t.Fatal(rerr)
		}
		if err != nil {
			if failed++; !errors.Is(err, syscall.EMFILE) {
				t.Errorf("room for %d: %v", room, err)
			}
			continue
		}
		worked++
		if err := errors.Join(p.Kill()); err != nil {
			t.Error(err)
		}
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
	}
	if worked == 0 || failed == 0 {
		t.Errorf("%d starts worked and %d failed", worked, failed)
	}
	if after := openFiles(t); len(after) > before { // others may have been closed meanwhile
		t.Errorf("%d descriptors, %d before:\n%s", len(after), before, strings.Join(after, "\n"))
	}
}

// openFiles lists this program's descriptors.
func openFiles(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		target, _ := os.Readlink("/proc/self/fd/" + e.Name())
		all = append(all, e.Name()+" "+target)
	}
	return all
}
