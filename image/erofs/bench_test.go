package erofs

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// benchFile is a file to write to.
func benchFile(b *testing.B) *os.File {
	b.Helper()
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "img"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f
}

func empty(b *testing.B, f *os.File) {
	b.Helper()
	if err := f.Truncate(0); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkWriter writes 2,000 small files in 100 directories and 300 MB in 20
// large ones.
func BenchmarkWriter(b *testing.B) {
	small, large := []byte(noise(3000)), []byte(noise(15_000_000))
	f := benchFile(b)
	b.ReportAllocs()
	var size int64
	for b.Loop() {
		empty(b, f)
		w := NewWriter(f, Options{})
		root := w.Dir()
		var d *Node
		for i := range 2000 {
			if i%20 == 0 {
				d = w.Dir()
				root.Add(fmt.Sprintf("directory-%d", i), d)
			}
			n, err := w.File(Attr{Mode: 0o644}, bytes.NewReader(small[:200+i]))
			if err != nil {
				b.Fatal(err)
			}
			d.Add(fmt.Sprintf("file-%d", i), n)
		}
		for i := range 20 {
			n, err := w.File(Attr{Mode: 0o644}, bytes.NewReader(large))
			if err != nil {
				b.Fatal(err)
			}
			root.Add(fmt.Sprintf("large-%d", i), n)
		}
		if err := w.Finish(root); err != nil {
			b.Fatal(err)
		}
		size = w.Size()
	}
	b.SetBytes(size)
}

// BenchmarkPlain writes as much with plain writes of 1 MiB.
func BenchmarkPlain(b *testing.B) {
	f := benchFile(b)
	buf, data := make([]byte, windowSize), []byte(noise(15_000_000))
	const size = 303 << 20
	b.SetBytes(size)
	for b.Loop() {
		empty(b, f)
		r := bytes.NewReader(data)
		for at := int64(0); at < size; at += windowSize {
			if n, _ := io.ReadFull(r, buf); n < len(buf) {
				r.Reset(data)
			}
			if _, err := f.WriteAt(buf, at); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkEntries writes 100,000 empty files: what a name costs.
func BenchmarkEntries(b *testing.B) {
	const entries = 100_000
	names := make([]string, entries)
	for i := range names {
		names[i] = fmt.Sprintf("file-%d", i)
	}
	b.ReportAllocs()
	for b.Loop() {
		w := NewWriter(discard{}, Options{})
		root := w.Dir()
		for _, name := range names {
			n, err := w.File(Attr{Mode: 0o644}, nil)
			if err != nil {
				b.Fatal(err)
			}
			root.Add(name, n)
		}
		if err := w.Finish(root); err != nil {
			b.Fatal(err)
		}
	}
}

// discard takes writes.
type discard struct{}

func (discard) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

// BenchmarkReader lists and reads a tree of small files.
func BenchmarkReader(b *testing.B) {
	m := write(b, Options{}, trees()["tails"]...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := walkLines(open(b, m.b)); err != nil {
			b.Fatal(err)
		}
	}
}
