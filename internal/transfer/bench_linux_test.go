package transfer

import (
	"fmt"
	"io"
	"testing"
	"testing/fstest"
)

// thousand is a source of a thousand files of 4 KiB in ten directories.
func thousand() fstest.MapFS {
	src := fstest.MapFS{}
	for n := range 1000 {
		src[fmt.Sprintf("d%d/f%d", n%10, n)] = &fstest.MapFile{Data: make([]byte, 4096), Mode: 0o644}
	}
	return src
}

func BenchmarkCopyIn(b *testing.B) {
	_, from := newRoot(b)
	if err := CopyIn(b.Context(), from, "/", thousand(), CopyOptions{IDs: own()}); err != nil {
		b.Fatal(err)
	}
	src := NewFS(from, IDs{})
	_, root := newRoot(b, "dir t")
	for b.Loop() {
		if err := CopyIn(b.Context(), root, "t", src, CopyOptions{IDs: own()}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCopyOut(b *testing.B) {
	_, root := newRoot(b, "dir t")
	if err := CopyIn(b.Context(), root, "t", thousand(), CopyOptions{IDs: own()}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := CopyOut(b.Context(), root, "t", io.Discard, OutOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadFile(b *testing.B) {
	_, root := newRoot(b, "file etc/passwd x")
	v := NewFS(root, IDs{})
	for b.Loop() {
		if _, err := v.ReadFile("etc/passwd"); err != nil {
			b.Fatal(err)
		}
	}
}
