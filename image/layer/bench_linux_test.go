package layer

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/image"
)

// benchLayer is a tar of programs and libraries of the host: some thousand
// files, 100 MB and more.
func benchLayer(b *testing.B) []byte {
	b.Helper()
	raw, err := exec.CommandContext(b.Context(), "tar", "--format=posix", "-C", "/", "-c", "usr/sbin", "usr/lib/python3", "usr/share/perl", "usr/share/doc").Output()
	if err != nil && len(raw) == 0 {
		b.Skip(err)
	}
	return raw
}

// BenchmarkApply unpacks a layer to a fresh directory, as Apply does, as tar
// does, and not at all: the floor is decompression and both digests. Nothing
// is removed meanwhile, since that makes file systems slow.
func BenchmarkApply(b *testing.B) {
	raw := benchLayer(b)
	for _, c := range []image.Compression{image.Plain, image.Gzip, image.Zstd} {
		packed := packFor(b, c, raw)
		b.Run(fmt.Sprintf("%s/apply", c), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			cpu(b, syscall.RUSAGE_SELF, func() {
				for i := 0; b.Loop(); i++ {
					benchApply(b, packed, i)
				}
			})
		})
		b.Run(fmt.Sprintf("%s/tar", c), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			cpu(b, syscall.RUSAGE_CHILDREN, func() {
				for i := 0; b.Loop(); i++ {
					benchTar(b, c, packed, i)
				}
			})
		})
		b.Run(fmt.Sprintf("%s/floor", c), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			cpu(b, syscall.RUSAGE_SELF, func() {
				for b.Loop() {
					s, err := newStream(b.Context(), bytes.NewReader(packed), &Options{}, DefaultLimits())
					if err != nil {
						b.Fatal(err)
					}
					if err := s.finish(nil, new(Info)); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// cpu reports the time that processors worked, which other programs on the
// machine change less than the time that passes.
func cpu(b *testing.B, who int, f func()) {
	b.Helper()
	before := cpuTime(b, who)
	f()
	b.ReportMetric((cpuTime(b, who)-before)/float64(b.N), "cpu-ms/op")
}

// cpuTime is how many milliseconds processors have worked so far.
func cpuTime(b *testing.B, who int) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		b.Error(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}

func packFor(b *testing.B, c image.Compression, raw []byte) []byte {
	b.Helper()
	var packed bytes.Buffer
	w, err := NewPacker(&packed, c)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(w, bytes.NewReader(raw)); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return packed.Bytes()
}

// benchDir is a directory of its own.
func benchDir(b *testing.B, kind string, i int) string {
	b.Helper()
	path := b.TempDir() + "/" + kind + strconv.Itoa(i)
	if err := os.Mkdir(path, 0o755); err != nil {
		b.Fatal(err)
	}
	return path
}

func benchApply(b *testing.B, packed []byte, i int) {
	b.Helper()
	d, err := os.Open(benchDir(b, "apply", i))
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if _, err := Apply(b.Context(), d, bytes.NewReader(packed), options(Options{})); err != nil {
		b.Fatal(err)
	}
}

func benchTar(b *testing.B, c image.Compression, packed []byte, i int) {
	b.Helper()
	args := map[image.Compression][]string{image.Gzip: {"-z"}, image.Zstd: {"--zstd"}}[c]
	cmd := exec.CommandContext(b.Context(), "tar", append(args, "-C", benchDir(b, "tar", i), "-p", "-x")...)
	cmd.Stdin = bytes.NewReader(packed)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Skipf("%v: %s", err, out)
	}
}
