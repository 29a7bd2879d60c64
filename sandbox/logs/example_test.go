package logs_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sandkit/sandkit/sandbox/logs"
)

func ExampleRing() {
	ring := logs.NewRing(64 << 10)
	out := logs.NewWriter(ring, logs.Stdout, time.Now)
	fmt.Fprintln(out, "starting")
	fmt.Fprintf(out, "listening on :%d\nbye", 80) //nolint:errcheck // an example
	if err := out.Close(); err != nil {
		fmt.Println(err)
	}
	for e, err := range ring.Read(context.Background(), logs.Options{Tail: 2}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %q\n", e.Stream, e.Line)
	}
	// Output:
	// stdout "listening on :80\n"
	// stdout "bye"
}

func ExampleFunc() {
	d := logs.Func(func(e logs.Entry) { fmt.Println(e) })
	at := time.Date(2024, 1, 2, 3, 4, 5, 6, time.UTC)
	w := logs.NewWriter(d, logs.Stderr, func() time.Time { return at })
	fmt.Fprintln(w, "out of memory")
	// Output:
	// 2024-01-02T03:04:05.000000006Z stderr out of memory
}

func ExampleSplitter() {
	s := logs.NewSplitter(logs.Stdout, time.Now)
	for _, chunk := range []string{"one\ntw", "o\nthr", "ee"} {
		for _, e := range s.Write([]byte(chunk)) {
			fmt.Printf("%q\n", e.Line)
		}
	}
	if e, ok := s.Flush(); ok {
		fmt.Printf("%q partial: %v\n", e.Line, e.Partial)
	}
	// Output:
	// "one\n"
	// "two\n"
	// "three" partial: true
}

func ExampleParseWhen() {
	now := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, s := range []string{"90m", "2024-01-01", "1136073600.5", "2024-01-01T10:00:00+02:00", "noon"} {
		at, err := logs.ParseWhen(s, now)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(at.UTC().Format(time.RFC3339Nano))
	}
	// Output:
	// 2024-01-02T01:34:05Z
	// 2024-01-01T00:00:00Z
	// 2006-01-01T00:00:00.5Z
	// 2024-01-01T08:00:00Z
	// parse time "noon": neither a date, nor seconds since 1970, nor a duration
}
