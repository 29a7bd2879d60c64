package sandbox_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/compare/figures"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// smallRoot is a root file system with two static programs: /bin/true, and
// /bin/idle, which ends with its standard input. None does anything else, so
// that what is measured is the sandbox.
func smallRoot(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "root")
	testutil.Tree(tb, dir, "dir bin", "dir dev", "dir etc", "dir mnt", "dir proc", "dir sys", "dir tmp 1777")
	for name, write := range map[string]func(path string) error{"true": figures.WriteTrue, "idle": figures.WriteIdle} {
		if err := write(filepath.Join(dir, "bin", name)); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// binds shows n directories of the host.
func binds(tb testing.TB, n int) sandbox.Option {
	tb.Helper()
	dir := tb.TempDir()
	var opts []sandbox.Option
	for i := range n {
		source := filepath.Join(dir, itoa(i))
		if err := os.Mkdir(source, 0o755); err != nil {
			tb.Fatal(err)
		}
		opts = append(opts, sandbox.WithMount(fs.BindRO(source, fmt.Sprintf("/mnt/%d", i))))
	}
	return sandbox.Options(opts...)
}

// BenchmarkRun runs a program that does nothing in sandboxes of several kinds,
// from New to the end of the last process. Beside the mean it reports the
// median and the 95th percentile.
func BenchmarkRun(b *testing.B) {
	root := smallRoot(b)
	testutil.Unchanged(b)
	copyOnWrite := sandbox.Options(sandbox.WithRootfs(root), sandbox.WithCommand("/bin/true"))
	for _, c := range []struct {
		name   string
		option sandbox.Option
		root   bool // needs root
	}{
		{"hosttools", hostTools(b, root), false},
		{"directory", copyOnWrite, false},
		{"hostusers", sandbox.Options(copyOnWrite, sandbox.WithHostUsers()), true},
		{"writable", sandbox.Options(sandbox.WithRootfsWritable(root), sandbox.WithCommand("/bin/true")), false},
		{"binds", sandbox.Options(copyOnWrite, binds(b, 50)), false},
	} {
		b.Run(c.name, func(b *testing.B) {
			if c.root {
				testutil.NeedRoot(b)
			}
			benchmark(b, func() error {
				_, err := sandbox.Run(context.Background(), c.option)
				return err
			})
		})
	}
	b.Run("output", func(b *testing.B) {
		benchmark(b, func() error {
			_, err := sandbox.Output(context.Background(), copyOnWrite)
			return err
		})
	})
	b.Run("parallel", func(b *testing.B) { benchmarkParallel(b, copyOnWrite) })
}

// hostTools shows the same program in the default root.
func hostTools(tb testing.TB, root string) sandbox.Option {
	tb.Helper()
	m := fs.BindRO(filepath.Join(root, "bin/true"), "/run/true")
	m.HostOwners = true
	return sandbox.Options(sandbox.WithMount(m), sandbox.WithCommand("/run/true"))
}

func benchmark(b *testing.B, run func() error) {
	b.Helper()
	b.ReportAllocs()
	b.Cleanup(sandbox.Trim)
	var times []time.Duration
	for b.Loop() {
		start := time.Now()
		if err := run(); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	report(b, times)
}

func benchmarkParallel(b *testing.B, opt sandbox.Option) {
	b.Helper()
	b.ReportAllocs()
	b.Cleanup(sandbox.Trim)
	var mu sync.Mutex
	var times []time.Duration
	b.RunParallel(func(pb *testing.PB) {
		var own []time.Duration
		for pb.Next() {
			start := time.Now()
			if _, err := sandbox.Run(context.Background(), opt); err != nil {
				b.Error(err)
				return
			}
			own = append(own, time.Since(start))
		}
		mu.Lock()
		defer mu.Unlock()
		times = append(times, own...)
	})
	report(b, times)
}

// report adds percentiles to what the benchmark prints.
func report(b *testing.B, times []time.Duration) {
	b.Helper()
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2]), "p50-ns")
	b.ReportMetric(float64(times[len(times)*95/100]), "p95-ns")
}

// BenchmarkImage compares a root of an image with one of a directory that has
// the same files.
func BenchmarkImage(b *testing.B) {
	s := imageStore(b, image.RunConfig{})
	dir := b.TempDir()
	cmd := exec.Command("tar", "-x", "-C", dir)
	cmd.Stdin = bytes.NewReader(busyboxLayer(b))
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for name, root := range map[string]sandbox.Option{
		"image":     sandbox.Options(sandbox.WithImage("tool"), sandbox.WithImageStore(s)),
		"directory": sandbox.WithRootfs(dir),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := sandbox.Run(b.Context(), root, sandbox.WithCommand("true")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLogs prints a million lines of 100 bytes into a log.
func BenchmarkLogs(b *testing.B) {
	const lines = 1_000_000
	for _, l := range []sandbox.Logs{{Driver: sandbox.LogRing}, {Driver: sandbox.LogJSONFile, Path: filepath.Join(b.TempDir(), "log"), MaxSize: 64 << 20, MaxFiles: 2}} {
		b.Run(string(l.Driver), func(b *testing.B) {
			for b.Loop() {
				_, err := sandbox.Run(testContext(b), sandbox.WithLogs(l), sandbox.WithCommand("sh", "-c", fmt.Sprintf("yes %099d | head -n %d", 7, lines)))
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(lines*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
