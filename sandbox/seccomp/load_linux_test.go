package seccomp

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// helperLoad loads a filter many times, each into a thread of its own, and
// prints how long the median load and the fastest took, in nanoseconds.
func helperLoad(f Filter, args []string) error {
	if args[0] == "list" {
		program, err := listFilter()
		if err != nil {
			return err
		}
		f.Instructions = program
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	program := f.Bytes()
	took := make([]time.Duration, n)
	for i := range took {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			if err := noNewPrivs(); err != nil {
				done <- err
				return
			}
			load := loader(program, f.Flags)
			start := time.Now()
			err := load()
			took[i] = time.Since(start)
			done <- err
		}()
		if err := <-done; err != nil {
			return err
		}
	}
	slices.Sort(took)
	fmt.Fprintln(os.Stdout, took[n/2].Nanoseconds(), took[0].Nanoseconds(), len(f.Instructions))
	return nil
}

// BenchmarkLoad measures seccomp(2) itself with the default profile, as the
// tree that Compile makes and as the list that go-seccomp-bpf makes.
func BenchmarkLoad(b *testing.B) {
	for _, kind := range []string{"tree", "list"} {
		b.Run(kind, func(b *testing.B) {
			out, err := helperCommand(b, "load", Default(), kind, strconv.Itoa(b.N)).Output()
			if err != nil {
				b.Fatal(err)
			}
			var median, fastest, size float64
			if _, err := fmt.Fscan(bytes.NewReader(out), &median, &fastest, &size); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median, "median-ns/load")
			b.ReportMetric(fastest, "fastest-ns/load")
			b.ReportMetric(size, "instructions")
		})
	}
}

// BenchmarkFreshLoad is BenchmarkLoad with a process for each load, which finds
// the kernel's caches cold, as the start of a sandbox does.
func BenchmarkFreshLoad(b *testing.B) {
	for _, kind := range []string{"tree", "list"} {
		b.Run(kind, func(b *testing.B) {
			took := make([]float64, b.N)
			for i := range took {
				out, err := helperCommand(b, "load", Default(), kind, "1").Output()
				if err != nil {
					b.Fatal(err)
				}
				if _, err := fmt.Fscan(bytes.NewReader(out), &took[i]); err != nil {
					b.Fatal(err)
				}
			}
			slices.Sort(took)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took[len(took)/2], "median-ns/load")
		})
	}
}

// helperCall makes a system call many times under the filter and prints the
// time for one, in nanoseconds.
func helperCall(f Filter, args []string) error {
	runtime.LockOSThread()
	switch args[0] {
	case "none":
		f = Filter{}
	case "list":
		program, err := listFilter()
		if err != nil {
			return err
		}
		f.Instructions = program
	}
	if err := load(f, 0); err != nil {
		return err
	}
	arch, err := architectureOf(runtime.GOARCH)
	if err != nil {
		return err
	}
	number, ok := arch.number(args[1])
	if !ok {
		return fmt.Errorf("no system call %s", args[1])
	}
	const rounds = 300_000
	start := time.Now()
	for range rounds {
		_, _, _ = syscall.RawSyscall(uintptr(number), ^uintptr(0), 0, 0)
	}
	fmt.Fprintln(os.Stdout, float64(time.Since(start).Nanoseconds())/rounds)
	return nil
}

// BenchmarkCall measures system calls with bad arguments: always allowed,
// allowed after a look at the arguments, and refused.
func BenchmarkCall(b *testing.B) {
	for _, name := range []string{"getppid", "ioctl", "keyctl"} {
		for _, kind := range []string{"none", "tree", "list"} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				took := make([]float64, b.N)
				for i := range took {
					out, err := helperCommand(b, "call", Default(), kind, name).Output()
					if err != nil {
						b.Fatal(err)
					}
					if _, err := fmt.Fscan(bytes.NewReader(out), &took[i]); err != nil {
						b.Fatal(err)
					}
				}
				slices.Sort(took)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(took[len(took)/2], "ns/call")
			})
		}
	}
}
