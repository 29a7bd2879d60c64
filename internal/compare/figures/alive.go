package figures

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/sandkit/sandkit/sandbox"
)

// Alive is what a number of sandboxes cost while all of them are running.
type Alive struct {
	Sandboxes   int
	Descriptors int           // that the host program has more than before
	Processes   int           // below the host program, more than before
	Launchers   int           // those among them that are sandkit's own
	Memory      int64         // resident, of the launchers; 0 for an ordinary user, who may not look
	Heap        int64         // of the host program, more than before
	Started     time.Duration // until the last one was running
	Ended       time.Duration // from then until nothing was left
}

// starters is how many sandboxes are started at the same time.
const starters = 8

// RunMany starts n sandboxes, counts while all are running, and lets them end.
// The options have to name a program that ends well at the end of its standard
// input, which is set here.
func RunMany(ctx context.Context, n int, opts ...sandbox.Option) (a Alive, err error) {
	end, hold, err := os.Pipe()
	if err != nil {
		return a, err
	}
	defer end.Close()
	release := sync.OnceValue(hold.Close)
	defer func() { err = errors.Join(err, release()) }()
	before, err := settle()
	if err != nil {
		return a, err
	}
	opts = append([]sandbox.Option{sandbox.WithStdin(end)}, opts...)
	all := make([]*sandbox.Sandbox, n)
	defer func() {
		for _, s := range all {
			err = errors.Join(err, s.Close())
		}
	}()
	began := time.Now()
	if err := inParallel(starters, n, func(i int) (err error) {
		if all[i], err = sandbox.New(opts...); err != nil {
			return err
		}
		return all[i].Start(ctx)
	}); err != nil {
		return a, fmt.Errorf("start %d sandboxes: %w", n, err)
	}
	a.Started = time.Since(began)
	if a, err = a.since(before, n); err != nil {
		return a, err
	}
	began = time.Now()
	if err := release(); err != nil {
		return a, err
	}
	err = inParallel(n, n, func(i int) error {
		_, err := all[i].Wait(ctx)
		return err
	})
	a.Ended = time.Since(began)
	if err != nil {
		err = fmt.Errorf("end %d sandboxes: %w", n, err)
	}
	return a, err
}

// since counts and subtracts what was there before.
func (a Alive) since(before Alive, n int) (Alive, error) {
	now, err := settle()
	now.Sandboxes, now.Started = n, a.Started
	now.Descriptors -= before.Descriptors
	now.Processes -= before.Processes
	now.Launchers -= before.Launchers
	now.Memory -= before.Memory
	now.Heap -= before.Heap
	return now, err
}

// settle counts when nothing changes any more: launchers for the next start,
// which belong to no sandbox, are still made shortly after the last one.
func settle() (now Alive, err error) {
	for range 100 {
		before := now
		sandbox.Trim()
		if now, err = count(); err != nil {
			return now, err
		}
		if now.Processes == before.Processes && now.Launchers == before.Launchers && now.Descriptors == before.Descriptors {
			return now, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return now, errors.New("count processes: they come and go all the time")
}

// count takes stock of this program.
func count() (a Alive, err error) {
	all, err := descendants(os.Getpid())
	if err != nil {
		return a, err
	}
	own, err := Launchers()
	if err != nil {
		return a, err
	}
	a.Processes, a.Launchers = len(all), len(own)
	if a.Memory, err = memory(); err != nil && !errors.Is(err, iofs.ErrPermission) {
		return a, err
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	a.Heap = int64(m.HeapInuse + m.StackInuse)
	a.Descriptors, err = descriptors()
	return a, err
}

// inParallel calls f for 0 to n-1, so many at a time.
func inParallel(workers, n int, f func(i int) error) error {
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				errs[i] = f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}
