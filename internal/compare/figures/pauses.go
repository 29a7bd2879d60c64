package figures

import (
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Pauses tells how long all goroutines of this program were stopped, each
// time that they were: by the garbage collector, and for other reasons.
type Pauses struct {
	counts []uint64  // by bucket
	limits []float64 // of the buckets, in seconds
	waits  []time.Duration
}

var pauseMetrics = []string{"/sched/pauses/total/gc:seconds", "/sched/pauses/total/other:seconds"}

// Watch adds the pauses that occur while f runs, of which it makes many: it
// collects garbage and reads statistics meanwhile, once a millisecond.
func (p *Pauses) Watch(f func() error) error {
	before := readPauses()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				runtime.GC()
				runtime.ReadMemStats(&m)
			}
		}
	})
	wg.Go(func() { p.waitForLock(done) })
	err := f()
	close(done)
	wg.Wait()
	now := readPauses()
	if p.counts == nil {
		p.counts, p.limits = make([]uint64, len(now.counts)), now.limits
	}
	for i := range now.counts {
		p.counts[i] += now.counts[i] - before.counts[i]
	}
	return err
}

// waitForLock does again and again what opening a file does, which has to wait
// while the program forks.
func (p *Pauses) waitForLock(done <-chan struct{}) {
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			start := time.Now()
			syscall.ForkLock.RLock()
			took := time.Since(start)
			syscall.ForkLock.RUnlock()
			p.waits = append(p.waits, took)
		}
	}
}

// LockWait gives a percentile of the time that it took to get syscall.ForkLock
// for reading.
func (p *Pauses) LockWait(percent float64) time.Duration {
	if len(p.waits) == 0 {
		return 0
	}
	slices.Sort(p.waits)
	return p.waits[min(len(p.waits)-1, int(float64(len(p.waits))*percent/100))]
}

// readPauses gives those of the whole life of this program.
func readPauses() Pauses {
	samples := make([]metrics.Sample, len(pauseMetrics))
	for i, name := range pauseMetrics {
		samples[i].Name = name
	}
	metrics.Read(samples)
	var p Pauses
	for _, s := range samples {
		h := s.Value.Float64Histogram()
		if p.counts == nil {
			p.counts, p.limits = make([]uint64, len(h.Counts)), h.Buckets
		}
		for i, n := range h.Counts {
			p.counts[i] += n
		}
	}
	return p
}

// N is how many there were.
func (p *Pauses) N() int {
	n := uint64(0)
	for _, c := range p.counts {
		n += c
	}
	return int(n)
}

// At gives a percentile, as the upper limit of the bucket that it lies in.
func (p *Pauses) At(percent float64) time.Duration {
	rank := max(1, uint64(math.Ceil(float64(p.N())*percent/100)))
	for i, c := range p.counts {
		if c >= rank {
			limit := p.limits[i+1]
			if math.IsInf(limit, 1) {
				limit = p.limits[i]
			}
			return time.Duration(limit * float64(time.Second))
		}
		rank -= c
	}
	return 0
}
