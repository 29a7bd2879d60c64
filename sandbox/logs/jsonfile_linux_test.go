package logs

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
)

func listing(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func mustRemove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// allowed gives what the umask leaves of permissions.
func allowed(t testing.TB, mode fs.FileMode) fs.FileMode {
	t.Helper()
	path := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(path, nil, mode); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestRotation(t *testing.T) {
	const size = 300
	for _, c := range []struct {
		o    JSONFileOptions
		want string
	}{
		{JSONFileOptions{}, "log log.lock"},
		{JSONFileOptions{MaxFiles: 3}, "log log.lock"},
		{JSONFileOptions{MaxSize: size}, "log log.lock"},
		{JSONFileOptions{MaxSize: size, MaxFiles: 2}, "log log.1 log.lock"},
		{JSONFileOptions{MaxSize: size, MaxFiles: 4}, "log log.1 log.2 log.3 log.lock"},
		{JSONFileOptions{MaxSize: size, MaxFiles: 4, Compress: true}, "log log.1.gz log.2.gz log.3.gz log.lock"},
	} {
		testutil.Unchanged(t)
		dir := t.TempDir()
		path := filepath.Join(dir, "log")
		d := mustOpen(t, path, c.o)
		if d.Path() != path {
			t.Error(d.Path())
		}
		logRange(t, d, 0, 50)
		batch := make([]Entry, 50)
		for i := range batch {
			batch[i] = numbered(50 + i)
		}
		if err := d.LogAll(batch); err != nil {
			t.Fatal(err)
		}
		mustClose(t, d)
		if got := listing(t, dir); got != c.want {
			t.Errorf("%+v: %s", c.o, got)
		}
		var total int64
		for name := range strings.FieldsSeq(c.want) {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if want := allowed(t, 0o640); info.Mode().Perm() != want {
				t.Errorf("%s has %v, want %v", name, info.Mode(), want)
			}
			if c.o.MaxSize > 0 && info.Size() >= size+100 {
				t.Errorf("%s has %d bytes", name, info.Size())
			}
			total += info.Size()
		}
		from := -1
		if c.o.MaxSize == 0 {
			from = 0
		}
		got := readNumbers(t, path, Options{Tail: -1})
		consecutive(t, got, from, 100)
		if c.o.MaxFiles > 1 && c.o.MaxSize > 0 && len(got) < (c.o.MaxFiles-1)*3 {
			t.Errorf("%+v: %d entries", c.o, len(got))
		}
	}
}

// TestFilesAreDockers: the lines are Docker's, and a packed file has the header
// that its readers look for.
func TestFilesAreDockers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	d := mustOpen(t, path, JSONFileOptions{MaxSize: 1, MaxFiles: 3, Compress: true})
	logRange(t, d, 0, 3)
	mustClose(t, d)
	b, err := os.ReadFile(path)
	if want := `{"log":"line 2\n","stream":"stderr","time":"2001-09-09T01:46:42.000000002Z"}` + "\n"; err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	f, err := os.Open(path + ".1.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]string
	if err := json.Unmarshal(z.Extra, &header); err != nil || header["lastTime"] != "2001-09-09T01:46:41.000000001Z" {
		t.Errorf("%s, %v", z.Extra, err)
	}
	if b, err = io.ReadAll(z); err != nil || string(b) != `{"log":"line 1\n","stream":"stdout","time":"2001-09-09T01:46:41.000000001Z"}`+"\n" {
		t.Errorf("%s, %v", b, err)
	}
}

// TestOneWriter: a second one is refused until the first has ended.
func TestOneWriter(t *testing.T) {
	testutil.Unchanged(t)
	path := filepath.Join(t.TempDir(), "log")
	d := mustOpen(t, path, JSONFileOptions{})
	_, err := OpenJSONFile(path, JSONFileOptions{})
	isErr(t, err, ErrBusy)
	logRange(t, d, 0, 1)
	mustClose(t, d)
	mustClose(t, d)
	isErr(t, d.Log(numbered(0)), ErrClosed)
	d = mustOpen(t, path, JSONFileOptions{})
	logRange(t, d, 1, 2)
	mustClose(t, d)
	consecutive(t, readNumbers(t, path, Options{Tail: -1}), 0, 2)
}

// TestOpenRefuses: what is no log is left alone.
func TestOpenRefuses(t *testing.T) {
	testutil.Unchanged(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	checkErr := func(what string, want error) {
		t.Helper()
		before := listing(t, dir)
		d, err := OpenJSONFile(path, JSONFileOptions{})
		if d != nil || !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
		if after := listing(t, dir); after != before && !strings.HasSuffix(after, "log.lock") {
			t.Errorf("%s: %s, was %s", what, after, before)
		}
	}
	var fe *FieldError
	if _, err := OpenJSONFile(path, JSONFileOptions{MaxSize: -1}); !errors.As(err, &fe) || listing(t, dir) != "" {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path+".lock", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	checkErr("a file instead of the FIFO", fs.ErrInvalid)
	mustRemove(t, path+".lock")
	if err := os.Symlink("elsewhere", path+".lock"); err != nil {
		t.Fatal(err)
	}
	checkErr("a link instead of the FIFO", syscall.ELOOP)
	mustRemove(t, path+".lock")
	if err := os.Symlink("elsewhere", path); err != nil {
		t.Fatal(err)
	}
	checkErr("a link instead of the file", syscall.ELOOP)
	mustRemove(t, path)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	checkErr("a FIFO instead of the file", fs.ErrInvalid)
	path = filepath.Join(dir, "none", "log")
	checkErr("no directory", fs.ErrNotExist)
}

// TestTorn: a writer goes on behind what a killed one left, and puts its files in
// order.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	o := JSONFileOptions{MaxSize: 1000, MaxFiles: 5, Compress: true}
	d := mustOpen(t, path, o)
	logRange(t, d, 0, 30)
	mustClose(t, d)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(`{"log":"line 30\n","stre`)
	mustClose(t, f)
	if err != nil {
		t.Fatal(err)
	}
	consecutive(t, readNumbers(t, path, Options{Tail: -1}), 0, 30)
	consecutive(t, readNumbers(t, path, Options{Tail: 2}), 28, 30)
	for name, content := range map[string]string{".new": "", ".1.gz.tmp": "half"} {
		if err := os.WriteFile(path+name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Packed, but killed before the plain file was removed.
	z, err := os.Open(path + ".1.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(z)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	mustClose(t, z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".1", plain, 0o600); err != nil {
		t.Fatal(err)
	}
	consecutive(t, readNumbers(t, path, Options{Tail: -1}), 0, 30)
	d = mustOpen(t, path, o)
	logRange(t, d, 30, 32)
	mustClose(t, d)
	consecutive(t, readNumbers(t, path, Options{Tail: -1}), 0, 32)
	consecutive(t, readNumbers(t, path, Options{Tail: 3}), 29, 32)
	if got := listing(t, dir); strings.Contains(got, "new") || strings.Contains(got, "tmp") || slices.Contains(strings.Fields(got), "log.1") {
		t.Error(got)
	}
	// Fewer files than before.
	d = mustOpen(t, path, JSONFileOptions{MaxSize: 1, MaxFiles: 2})
	logRange(t, d, 32, 34)
	mustClose(t, d)
	if got := listing(t, dir); got != "log log.1 log.lock" {
		t.Error(got)
	}
	consecutive(t, readNumbers(t, path, Options{Tail: -1}), 32, 34)
}

// TestRemovedByHand: a log whose file somebody has removed goes on with the next
// file.
func TestRemovedByHand(t *testing.T) {
	for _, maxFiles := range []int{1, 3} {
		path := filepath.Join(t.TempDir(), "log")
		d := mustOpen(t, path, JSONFileOptions{MaxSize: 1, MaxFiles: maxFiles})
		logRange(t, d, 0, 1)
		mustRemove(t, path)
		logRange(t, d, 1, 3)
		mustClose(t, d)
		consecutive(t, readNumbers(t, path, Options{Tail: -1}), -1, 3)
	}
}

// TestLargeBatch: what is too much for one write(2), with files that end within
// it; an entry that cannot be written ends it.
func TestLargeBatch(t *testing.T) {
	batch := make([]Entry, 20000)
	for i := range batch {
		batch[i] = numbered(i)
	}
	for _, o := range []JSONFileOptions{{}, {MaxSize: 100_000, MaxFiles: 1000}} {
		path := filepath.Join(t.TempDir(), "log")
		d := mustOpen(t, path, o)
		if err := d.LogAll(batch); err != nil {
			t.Fatal(err)
		}
		isErr(t, d.LogAll([]Entry{{Time: time.Unix(1<<40, 0)}}), errLate)
		logRange(t, d, len(batch), len(batch)+1)
		mustClose(t, d)
		consecutive(t, readNumbers(t, path, Options{Tail: -1}), 0, len(batch)+1)
	}
}
