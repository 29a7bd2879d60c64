package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// helperEnv makes the test binary a program that writes a log, with the options
// MaxSize, MaxFiles and Compress from its arguments.
const helperEnv = "SANDKIT_LOGS_HELPER"

func TestMain(m *testing.M) {
	if path := os.Getenv(helperEnv); path != "" {
		if err := helperWrite(path, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// helperWrite logs numbered lines for ever and prints how many are in the log.
func helperWrite(path string, args []string) error {
	var n [3]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(args[i]); err != nil {
			return err
		}
	}
	d, err := OpenJSONFile(path, JSONFileOptions{MaxSize: int64(n[0]), MaxFiles: n[1], Compress: n[2] != 0})
	if err != nil {
		return err
	}
	for i := 0; ; {
		batch := make([]Entry, 1+i%7)
		for k := range batch {
			batch[k] = numbered(i)
			i++
		}
		if err := d.LogAll(batch); err != nil {
			return err
		}
		if _, err := fmt.Println(i); err != nil {
			return err
		}
	}
}

func helper(t *testing.T, path string, o JSONFileOptions) *exec.Cmd {
	t.Helper()
	compress := "0"
	if o.Compress {
		compress = "1"
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", fmt.Sprint(o.MaxSize), strconv.Itoa(o.MaxFiles), compress)
	cmd.Env = append(os.Environ(), helperEnv+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// numbered is an entry that says which it is.
func numbered(i int) Entry {
	e := Entry{Time: time.Unix(1e9+int64(i), int64(i)), Stream: Stdout, Line: fmt.Appendf(nil, "line %d\n", i)}
	if i%3 == 2 {
		e.Stream = Stderr
	}
	return e
}

func number(t testing.TB, e Entry) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(e.Line), "line ")))
	if err != nil {
		t.Fatalf("%q: %v", e.Line, err)
	}
	if want := numbered(n); !want.Time.Equal(e.Time) || want.Stream != e.Stream {
		t.Fatalf("%v, want %v", e, want)
	}
	return n
}

func mustOpen(t testing.TB, path string, o JSONFileOptions) *JSONFile {
	t.Helper()
	d, err := OpenJSONFile(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// logRange logs entries with numbers from a to b, without b.
func logRange(t testing.TB, d *JSONFile, a, b int) {
	t.Helper()
	for i := a; i < b; i++ {
		if err := d.Log(numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func mustClose(t testing.TB, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// readNumbers reads a log and gives the numbers of its entries.
func readNumbers(t testing.TB, path string, o Options) []int {
	t.Helper()
	all := []int{}
	for e, err := range ReadJSONFile(t.Context(), path, o) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, number(t, e))
	}
	return all
}

// consecutive checks that numbers are those from a to b, without b; a negative a
// is any.
func consecutive(t testing.TB, got []int, a, b int) {
	t.Helper()
	if a < 0 && len(got) > 0 {
		a = got[0]
	}
	if len(got) != b-a {
		t.Errorf("%d entries, want those from %d to %d", len(got), a, b)
	}
	for i, n := range got {
		if n != a+i {
			t.Fatalf("entry %d instead of %d", n, a+i)
		}
	}
}

func isErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}
