package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
)

// TestReadOptions: whatever is asked for, and however the files are cut, the
// entries are those that a loop over all finds.
func TestReadOptions(t *testing.T) {
	const n = 150
	for _, o := range []JSONFileOptions{{}, {MaxSize: 1000, MaxFiles: 100}, {MaxSize: 1000, MaxFiles: 100, Compress: true}, {MaxSize: 1, MaxFiles: 200}} {
		if testing.Short() && o.MaxSize == 1 {
			continue
		}
		path := filepath.Join(t.TempDir(), "log")
		d := mustOpen(t, path, o)
		logRange(t, d, 0, n)
		mustClose(t, d)
		for _, tail := range []int{-1, 0, 1, 17, 149, 150, 151} {
			for _, streams := range [][]Stream{nil, {Stderr}} {
				for _, since := range []time.Time{{}, numbered(40).Time, numbered(n).Time} {
					for _, until := range []time.Time{{}, numbered(90).Time} {
						opts := Options{Tail: tail, Streams: streams, Since: since, Until: until}
						if opts.Validate() != nil {
							continue
						}
						want := []int{}
						for i := range n {
							if e := numbered(i); opts.wants(&e) {
								want = append(want, i)
							}
						}
						if tail >= 0 && len(want) > tail {
							want = want[len(want)-tail:]
						}
						if got := readNumbers(t, path, opts); !slices.Equal(got, want) {
							t.Errorf("%+v, %+v:\n%v\n%v", o, opts, got, want)
						}
						opts.Follow = true // nobody writes any more
						if got := readNumbers(t, path, opts); !slices.Equal(got, want) {
							t.Errorf("%+v, %+v:\n%v\n%v", o, opts, got, want)
						}
					}
				}
			}
		}
	}
}

// TestTailOffset: lines across the borders of blocks.
func TestTailOffset(t *testing.T) {
	for _, length := range []int{0, 1, 1000, readSize - 1, readSize, readSize + 1, 3 * readSize} {
		line := strings.Repeat("x", length) + "\n"
		for lines := range 5 {
			for _, torn := range []string{"", "torn", strings.Repeat("y", 2*readSize)} {
				data := strings.Repeat(line, lines) + torn
				for n := range 6 {
					calls := 0
					match := func(got []byte) bool {
						if string(got) != line[:length] {
							t.Errorf("matched with %d bytes instead of %d", len(got), length)
						}
						calls++
						return true
					}
					want := min(n, lines)
					offset, found, err := tailOffset(strings.NewReader(data), int64(len(data)), n, match)
					if wantOffset := int64((lines - want) * len(line)); err != nil || found != want || offset != wantOffset && (n > 0 || lines > 0) || calls > n {
						t.Errorf("%d lines of %d, %d torn, last %d: at %d, %d, %d calls; %v", lines, length, len(torn), n, offset, found, calls, err)
					}
					offset2, found2, err := tailStream(strings.NewReader(data), n, func([]byte) bool { return true })
					if err != nil || found2 != found || n > 0 && offset2 != offset {
						t.Errorf("stream: at %d, %d; %v", offset2, found2, err)
					}
				}
			}
		}
	}
}

// TestTailIsQuick: the last lines are found without reading the others.
func TestTailIsQuick(t *testing.T) {
	data := bytes.Repeat([]byte("line\n"), 1<<20)
	r := &countingAt{data: data}
	if _, found, err := tailOffset(r, int64(len(data)), 10, func([]byte) bool { return true }); err != nil || found != 10 || r.n > readSize {
		t.Errorf("%d found, %d bytes read, %v", found, r.n, err)
	}
}

type countingAt struct {
	data []byte
	n    int
}

func (c *countingAt) ReadAt(b []byte, off int64) (int, error) {
	c.n += len(b)
	return copy(b, c.data[off:]), nil
}

// TestReadForeign: files that others wrote, and what is no record.
func TestReadForeign(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x-json.log")
	record := func(text string) string {
		return fmt.Sprintf(`{"log":"%s\n","stream":"stdout","attrs":{"tag":"x"},"time":"2024-01-01T00:00:00Z"}`, text) + "\n"
	}
	content := record("a") + "garbage\n\n" + strings.Repeat("\x00", 100) + "\n" + record("b") +
		strings.Repeat("z", maxRecord+10) + "\n" + record("c") + record(strings.Repeat("d", 200<<10)) + `{"log":"torn`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".2", []byte(record("0")+"torn"), 0o600); err != nil { // there is no .1
		t.Fatal(err)
	}
	for _, o := range []Options{{Tail: -1}, {Tail: -1, Follow: true}, {Tail: 5}, {Tail: 100}} {
		var got []string
		for e, err := range ReadJSONFile(t.Context(), path, o) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(e.Line[:1]))
		}
		if text := strings.Join(got, ""); text != "0abcd" {
			t.Errorf("%+v: %s", o, text)
		}
	}
	if err := os.WriteFile(path+".1.gz", []byte("no gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	last := errors.New("none")
	for _, err := range ReadJSONFile(t.Context(), path, Options{Tail: -1}) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), path+".1.gz") {
		t.Errorf("%v", last)
	}
}

// TestReadNothing: errors come once and say what they are.
func TestReadNothing(t *testing.T) {
	testutil.Unchanged(t)
	path := filepath.Join(t.TempDir(), "log")
	only := func(ctx context.Context, path string, o Options) (err error) {
		t.Helper()
		n := 0
		for _, err = range ReadJSONFile(ctx, path, o) {
			n++
		}
		if n != 1 || !strings.Contains(err.Error(), path) {
			t.Errorf("%d times, %v", n, err)
		}
		return err
	}
	for _, follow := range []bool{false, true} {
		isErr(t, only(t.Context(), path, Options{Follow: follow}), fs.ErrNotExist)
		isErr(t, only(t.Context(), path+"/none/log", Options{Follow: follow}), fs.ErrNotExist)
	}
	var fe *FieldError
	if err := only(t.Context(), path, Options{Streams: []Stream{""}}); !errors.As(err, &fe) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	isErr(t, only(ctx, path, Options{}), context.Canceled)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	isErr(t, only(t.Context(), path, Options{}), fs.ErrInvalid)
}

// TestFollowEnds: with the writer, the context, the loop, and Until.
func TestFollowEnds(t *testing.T) {
	testutil.Unchanged(t)
	path := filepath.Join(t.TempDir(), "log")
	d := mustOpen(t, path, JSONFileOptions{})
	defer mustClose(t, d)
	logRange(t, d, 0, 3)
	for _, err := range ReadJSONFile(t.Context(), path, Options{Tail: -1, Follow: true}) {
		isErr(t, err, nil)
		break
	}
	cause := errors.New("enough of it")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var last error
	n := 0
	for e, err := range ReadJSONFile(ctx, path, Options{Tail: 2, Follow: true}) {
		if n++; n == 2 {
			if got := number(t, e); got != 2 {
				t.Error(got)
			}
			cancel(cause)
		}
		last = err
	}
	if isErr(t, last, cause); n != 3 {
		t.Errorf("%d entries", n)
	}
	// Until is over, as a time and by an entry.
	n = 0
	for _, err := range ReadJSONFile(t.Context(), path, Options{Tail: -1, Follow: true, Until: time.Now().Add(time.Millisecond)}) {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d entries", n)
	}
	n = 0
	for _, err := range ReadJSONFile(t.Context(), path, Options{Tail: -1, Follow: true, Until: time.Unix(5e9, 0)}) {
		if n++; n == 3 {
			err = d.Log(Entry{Time: time.Unix(6e9, 0), Line: []byte("late\n")})
		}
		if err != nil {
			t.Error(err)
		}
	}
	if n != 3 {
		t.Errorf("%d entries", n)
	}
}

// TestFollowIsInterrupted: a context that ends while nothing is logged.
func TestFollowIsInterrupted(t *testing.T) {
	testutil.Unchanged(t)
	path := filepath.Join(t.TempDir(), "log")
	d := mustOpen(t, path, JSONFileOptions{})
	defer mustClose(t, d)
	ring := NewRing(0)
	o := Options{Follow: true}
	for name, read := range map[string]func(context.Context) iter.Seq2[Entry, error]{
		"file": func(ctx context.Context) iter.Seq2[Entry, error] { return ReadJSONFile(ctx, path, o) },
		"ring": func(ctx context.Context) iter.Seq2[Entry, error] { return ring.Read(ctx, o) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		n := 0
		for e, err := range read(ctx) {
			if n++; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v, %v", name, e, err)
			}
		}
		if cancel(); n != 1 {
			t.Errorf("%s: %d times", name, n)
		}
	}
}

// TestFollowWaitsForTheRest: a line that is there in part is given when it is
// complete; a file that somebody empties begins anew.
func TestFollowWaitsForTheRest(t *testing.T) {
	testutil.Unchanged(t)
	path := filepath.Join(t.TempDir(), "log")
	d := mustOpen(t, path, JSONFileOptions{})
	logRange(t, d, 0, 1)
	next := 0
	for e, err := range ReadJSONFile(t.Context(), path, Options{Tail: -1, Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if got := number(t, e); got != next {
			t.Fatalf("%d instead of %d", got, next)
		}
		switch next++; next {
		case 1:
			line := encode(t, numbered(1))
			for _, part := range []string{line[:1], line[1:20], line[20:]} {
				if _, err := d.file.WriteString(part); err != nil {
					t.Fatal(err)
				}
			}
		case 2:
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
			logRange(t, d, 2, 3)
		case 3:
			mustClose(t, d)
		}
	}
	if next != 3 {
		t.Errorf("%d entries", next)
	}
}
