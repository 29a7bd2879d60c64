package logs_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/sandkit/sandkit/sandbox/logs"
)

func TestFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	d, err := logs.OpenJSONFile(path, logs.JSONFileOptions{MaxSize: 4000, MaxFiles: 400, Compress: true})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan int)
	go func() {
		n := 0
		for e, err := range logs.ReadJSONFile(t.Context(), path, logs.Options{Tail: -1, Follow: true}) {
			if err != nil {
				t.Error(err)
			} else if want := fmt.Sprintf("line %d\n", n); string(e.Line) != want {
				t.Errorf("%q, want %q", e.Line, want)
				break
			}
			n++
		}
		done <- n
	}()
	for i := range 10000 {
		if err := d.Log(logs.Entry{Time: time.Now(), Stream: logs.Stdout, Line: fmt.Appendf(nil, "line %d\n", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if n := <-done; n != 10000 {
		t.Error(n)
	}
	for _, tail := range []int{0, 1, 5, 500, 9999, 10001, -1} {
		n := 0
		for _, err := range logs.ReadJSONFile(t.Context(), path, logs.Options{Tail: tail}) {
			if err != nil {
				t.Error(err)
			}
			n++
		}
		if want := min(uint(tail), 10000); uint(n) != want { t.Error(tail, n) }
	}
}
