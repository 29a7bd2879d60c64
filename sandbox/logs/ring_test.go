package logs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/sandbox/logs"
)

// ringOf gives a ring with so many entries of 10 bytes, one in each second, every
// third on stderr.
func ringOf(t testing.TB, limit, n int) *logs.Ring {
	t.Helper()
	r := logs.NewRing(limit)
	for i := range n {
		e := logs.Entry{Time: time.Unix(int64(i), 0), Stream: logs.Stdout, Line: fmt.Appendf(nil, "%09d\n", i)}
		if i%3 == 2 {
			e.Stream = logs.Stderr
		}
		if err := r.Log(e); err != nil {
			t.Fatal(err)
		}
		clear(e.Line) // the ring has its own
	}
	return r
}

// numbers reads until the end and gives the numbers of the lines, joined.
func numbers(t testing.TB, read func(func(logs.Entry, error) bool)) string {
	t.Helper()
	var all []string
	for e, err := range read {
		if err != nil {
			all = append(all, err.Error())
			continue
		}
		all = append(all, strings.TrimLeft(strings.TrimSpace(string(e.Line)), "0"))
	}
	return strings.Join(all, " ")
}

func TestRing(t *testing.T) {
	r := ringOf(t, 10*(96+10), 15)
	if lines, bytes := r.Dropped(); lines != 5 || bytes != 50 {
		t.Errorf("%d lines, %d bytes dropped", lines, bytes)
	}
	at := func(sec int64) time.Time { return time.Unix(sec, 0) }
	for want, o := range map[string]logs.Options{
		"5 6 7 8 9 10 11 12 13 14": {Tail: -1},
		"":                         {},
		"13 14":                    {Tail: 2},
		"11 14":                    {Tail: 2, Streams: []logs.Stream{logs.Stderr}},
		"5 8 11 14":                {Tail: 99, Streams: []logs.Stream{logs.Stderr}},
		"12 13":                    {Tail: 3, Since: at(12), Until: at(13)},
		"8 9":                      {Tail: 2, Until: at(9)},
		"5 6":                      {Tail: -1, Until: at(6)},
	} {
		if got := numbers(t, r.Read(t.Context(), o)); got != want {
			t.Errorf("%+v: %s, want %s", o, got, want)
		}
	}
	if got := numbers(t, r.Read(t.Context(), logs.Options{Streams: []logs.Stream{"x"}})); !strings.Contains(got, "Streams[0]") {
		t.Error(got)
	}
	for e, err := range r.Read(t.Context(), logs.Options{Tail: -1}) {
		if err != nil || e.Line[8] != '5' {
			t.Error(e)
		}
		break
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if err := r.Log(logs.Entry{}); !errors.Is(err, logs.ErrClosed) {
		t.Error(err)
	}
	if got := numbers(t, r.Read(t.Context(), logs.Options{Tail: 1, Follow: true})); got != "14" {
		t.Error(got)
	}
}

// TestRingSmall: an entry larger than the ring is counted, not kept.
func TestRingSmall(t *testing.T) {
	r := logs.NewRing(10)
	if err := r.Log(logs.Entry{Line: []byte("0123456789\n")}); err != nil {
		t.Fatal(err)
	}
	if lines, bytes := r.Dropped(); lines != 1 || bytes != 11 {
		t.Errorf("%d lines, %d bytes", lines, bytes)
	}
	if got := numbers(t, r.Read(t.Context(), logs.Options{Tail: -1})); got != "" {
		t.Error(got)
	}
}

// TestRingFollow: a follower gets everything while another goroutine logs, and
// ends with the ring.
func TestRingFollow(t *testing.T) {
	const n = 5000
	r := logs.NewRing(0)
	go func() {
		defer r.Close()
		for i := range n {
			if err := r.LogAll([]logs.Entry{{Line: fmt.Appendln(nil, i)}}); err != nil {
				t.Error(err)
			}
		}
	}()
	i := 0
	for e, err := range r.Read(t.Context(), logs.Options{Tail: -1, Follow: true}) {
		if err != nil || string(e.Line) != fmt.Sprintln(i) {
			t.Fatalf("%q, %v instead of %d", e.Line, err, i)
		}
		i++
	}
	if i != n {
		t.Errorf("%d entries", i)
	}
}

// TestRingDropped: a reader that is too slow is told how much it has missed.
func TestRingDropped(t *testing.T) {
	for _, follow := range []bool{false, true} {
		r := ringOf(t, 100*(96+10), 100)
		lines, seen := int64(0), int64(0)
		for e, err := range r.Read(t.Context(), logs.Options{Tail: -1, Follow: follow}) {
			if dropped, ok := errors.AsType[*logs.DroppedError](err); ok {
				lines += dropped.Lines
				if dropped.Bytes != 10*dropped.Lines || !strings.Contains(err.Error(), "dropped") {
					t.Errorf("%v: %d bytes", err, dropped.Bytes)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if seen++; seen == 1 {
				for i := range 250 {
					if err := r.Log(logs.Entry{Line: fmt.Appendf(nil, "%09d\n", 100+i)}); err != nil {
						t.Fatal(err)
					}
				}
				r.Close()
			} else if want := fmt.Sprintf("%09d\n", seen+lines-1); string(e.Line) != want {
				t.Fatalf("%q, want %q", e.Line, want)
			}
		}
		want := int64(100)
		if follow {
			want = 350
		}
		if lines+seen != want || lines == 0 {
			t.Errorf("follow %v: %d seen and %d dropped of %d", follow, seen, lines, want)
		}
	}
}

// TestRingEnds: following ends with the context, and with Until.
func TestRingEnds(t *testing.T) {
	r := ringOf(t, 0, 3)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var got []error
	for _, err := range r.Read(ctx, logs.Options{Tail: 1, Follow: true}) {
		got = append(got, err)
		cancel(errBroken)
	}
	if len(got) != 2 || got[0] != nil || !errors.Is(got[1], errBroken) {
		t.Errorf("%v", got)
	}
	if got := numbers(t, r.Read(t.Context(), logs.Options{Tail: 1, Follow: true, Until: time.Now()})); got != "2" {
		t.Error(got)
	}
	go func() {
		_ = r.Log(logs.Entry{Time: time.Unix(1e10, 0), Line: []byte("late\n")})
	}()
	if got := numbers(t, r.Read(t.Context(), logs.Options{Tail: 1, Follow: true, Until: time.Unix(5e9, 0)})); got != "2" {
		t.Error(got)
	}
}
