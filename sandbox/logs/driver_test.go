package logs_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sandkit/sandkit/sandbox/logs"
)

func TestValidate(t *testing.T) {
	now := time.Now()
	for field, o := range map[string]logs.Options{
		"":           {Tail: -1, Since: now, Until: now, Streams: []logs.Stream{logs.Stderr, logs.Stdout}},
		"Streams[1]": {Streams: []logs.Stream{logs.Stdout, "stdin"}},
		"Until":      {Since: now, Until: now.Add(-1)},
	} {
		checkField(t, field, o.Validate())
	}
	for _, c := range []struct {
		field string
		o     logs.JSONFileOptions
	}{
		{"", logs.JSONFileOptions{}},
		{"", logs.JSONFileOptions{MaxSize: 1, MaxFiles: 2, Compress: true, Mode: 0o600}},
		{"", logs.JSONFileOptions{MaxFiles: 2}},
		{"MaxSize", logs.JSONFileOptions{MaxSize: -1}},
		{"MaxFiles", logs.JSONFileOptions{MaxFiles: -1}},
		{"Compress", logs.JSONFileOptions{MaxSize: 1, Compress: true}},
		{"Compress", logs.JSONFileOptions{MaxSize: 1, MaxFiles: 1, Compress: true}},
		{"Compress", logs.JSONFileOptions{MaxFiles: 2, Compress: true}},
		{"Mode", logs.JSONFileOptions{Mode: 0o4640}},
		{"Mode", logs.JSONFileOptions{Mode: 0o440}},
	} {
		checkField(t, c.field, c.o.Validate())
	}
}

func checkField(t *testing.T, field string, err error) {
	t.Helper()
	var fe *logs.FieldError
	if field == "" && err != nil || field != "" && (!errors.As(err, &fe) || fe.Field != field || !strings.HasPrefix(err.Error(), field)) {
		t.Errorf("field %q: %v", field, err)
	}
}

func TestEntryString(t *testing.T) {
	e := logs.Entry{Time: time.Unix(0, 100).UTC(), Stream: logs.Stderr, Line: []byte("a b\n")}
	if got, want := e.String(), "1970-01-01T00:00:00.000000100Z stderr a b"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestWriter: what two goroutines write arrives in whole lines, one at a time.
func TestWriter(t *testing.T) {
	running := false
	count := make(map[string]int)
	d := logs.Func(func(e logs.Entry) {
		if running {
			t.Error("called twice at once")
		}
		running = true
		count[string(e.Stream)+" "+string(e.Line)]++
		running = false
	})
	var both sync.WaitGroup
	for _, s := range []logs.Stream{logs.Stdout, logs.Stderr} {
		both.Go(func() {
			w := logs.NewWriter(d, s, time.Now)
			for range 100 {
				for _, part := range []string{"a", "b\nc", "d\n"} {
					if n, err := io.WriteString(w, part); n != len(part) || err != nil {
						t.Error(n, err)
					}
				}
			}
			if _, err := io.WriteString(w, "rest"); err != nil {
				t.Error(err)
			}
			for range 2 {
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}
			if _, err := w.Write([]byte("x")); !errors.Is(err, logs.ErrClosed) {
				t.Error(err)
			}
		})
	}
	both.Wait()
	for _, s := range []string{"stdout", "stderr"} {
		if count[s+" ab\n"] != 100 || count[s+" cd\n"] != 100 || count[s+" rest"] != 1 {
			t.Errorf("%v", count)
		}
	}
	if len(count) != 6 || d.Close() != nil {
		t.Errorf("%v", count)
	}
	if err := logs.LogAll(logs.Discard{}, make([]logs.Entry, 3)); err != nil {
		t.Error(err)
	}
}

// broken is a driver that takes nothing.
type broken struct{ logs.Discard }

var errBroken = errors.New("broken")

func (broken) Log(logs.Entry) error      { return errBroken }
func (broken) LogAll([]logs.Entry) error { return errBroken }

func TestWriterFails(t *testing.T) {
	w := logs.NewWriter(broken{}, logs.Stdout, time.Now)
	if _, err := fmt.Fprint(w, "no line"); err != nil {
		t.Error(err)
	}
	if _, err := fmt.Fprintln(w); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	if _, err := fmt.Fprint(w, "rest"); err != nil {
		t.Error(err)
	}
	if err := w.Close(); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}
