package sandbox

import (
	"os"
	"testing"
	"time"
)

// FuzzParseStat: a process can call itself anything.
func FuzzParseStat(f *testing.F) {
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own)
	f.Add([]byte("7 (a) R 1 (b)) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 3 0 9 4096 2 18446744073709551615"))
	f.Add([]byte("7 ()"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseStat(b)
		if err == nil && (p.State == "" || len(p.Name) > len(b)) {
			t.Errorf("%+v", p)
		}
	})
}

func TestParseStat(t *testing.T) {
	p, err := parseStat([]byte("7 (a) R 1 (b)) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 3 0 9 4096 2 18446744073709551615\n"))
	want := ProcessInfo{PID: 7, Parent: 1, Threads: 3, State: "S", CPU: 2 * time.Second, RSS: 2 * int64(os.Getpagesize()), Name: "a) R 1 (b)"}
	if err != nil || p.String() != want.String() || p.Threads != want.Threads || p.Parent != want.Parent {
		t.Errorf("%+v, %v; want %+v", p, err, want)
	}
}
