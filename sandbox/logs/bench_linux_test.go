package logs

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var benchLine = []byte(strings.Repeat("GET /index.html 200 ", 5) + "\n")

func BenchmarkEncode(b *testing.B) {
	var enc encoder
	e := Entry{Time: time.Now(), Stream: Stdout, Line: benchLine}
	var buf []byte
	b.SetBytes(int64(len(benchLine)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = enc.appendRecord(buf[:0], &e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	line := bytes.TrimSpace([]byte(encode(b, Entry{Time: time.Now(), Stream: Stdout, Line: benchLine})))
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeRecord(line); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLog is one line with one system call.
func BenchmarkLog(b *testing.B) {
	d := mustOpen(b, filepath.Join(b.TempDir(), "log"), JSONFileOptions{MaxSize: 64 << 20, MaxFiles: 2})
	defer mustClose(b, d)
	e := Entry{Time: time.Now(), Stream: Stdout, Line: benchLine}
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Log(e); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkWriter is what a program prints through a pipe: 32 KiB at a time.
func BenchmarkWriter(b *testing.B) {
	for name, driver := range map[string]func() Driver{
		"JSONFile": func() Driver {
			return mustOpen(b, filepath.Join(b.TempDir(), "log"), JSONFileOptions{MaxSize: 64 << 20, MaxFiles: 2})
		},
		"Ring":    func() Driver { return NewRing(0) },
		"Discard": func() Driver { return Discard{} },
	} {
		b.Run(name, func(b *testing.B) {
			d := driver()
			defer mustClose(b, d)
			w := NewWriter(d, Stdout, time.Now)
			chunk := bytes.Repeat(benchLine, 32<<10/len(benchLine))
			lines := bytes.Count(chunk, []byte("\n"))
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Write(chunk); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*lines)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// BenchmarkRead reads a log of 100,000 lines; BenchmarkTail its last ten.
func BenchmarkRead(b *testing.B) { benchRead(b, -1) }

func BenchmarkTail(b *testing.B) { benchRead(b, 10) }

func benchRead(b *testing.B, tail int) {
	path := filepath.Join(b.TempDir(), "log")
	d := mustOpen(b, path, JSONFileOptions{})
	entries := make([]Entry, 100_000)
	for i := range entries {
		entries[i] = Entry{Time: time.Now(), Stream: Stdout, Line: benchLine}
	}
	if err := d.LogAll(entries); err != nil {
		b.Fatal(err)
	}
	mustClose(b, d)
	lines := 0
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range ReadJSONFile(b.Context(), path, Options{Tail: tail}) {
			if err != nil {
				b.Fatal(err)
			}
			lines++
		}
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
}
