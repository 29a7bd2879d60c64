package launch

import (
	"sync"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
)

// Launchers that have executed a prelude wait here for the rest of a Program,
// so that a start has only that to do. A program that starts one sandbox now
// and then keeps none: they are made when starts follow each other closely,
// and dropped when they stop to.
const (
	parkInterval = time.Second     // between starts that count as close
	parkIdle     = 2 * time.Second // after which nothing is kept
	parkEach     = 2               // of one prelude
	parkAll      = 4
)

// lot is the host program's one parking lot: a cache, not configuration.
var lot = parkingLot{leaving: new(sync.WaitGroup)}

type parkingLot struct {
	mu     sync.Mutex
	places map[string]*place
	count  int // parked, and on their way
	idle   *time.Timer
	mounts *sys.MountWatch

	leaving *sync.WaitGroup // launchers on their way in or out
}

// place has the launchers of one prelude.
type place struct {
	parked []*Process
	last   time.Time // of a start
}

// key tells preludes apart: their code, and the files that go with it.
func (r *request) key() string {
	key := make([]byte, 0, len(r.parts[0].Code)+32)
	key = append(key, r.parts[0].Code...)
	first, _ := r.splitFiles()
	for _, f := range append(first, r.Cgroup) {
		key = append(key, sys.Identity(f)...)
	}
	return string(key)
}

// take gives a launcher that has executed the request's prelude, or nil.
func (l *parkingLot) take(r *request) *Process {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == 0 {
		return nil
	}
	if l.mounts.Changed() {
		// Their mount namespaces are copies of what is no more.
		l.dropAll()
		return nil
	}
	pl := l.places[r.key()]
	if pl == nil || len(pl.parked) == 0 {
		return nil
	}
	p := pl.parked[0]
	pl.parked = pl.parked[1:]
	l.count--
	return p
}

// used notes a start, and has another launcher parked when starts are close.
func (l *parkingLot) used(r *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key, now := r.key(), time.Now()
	pl := l.places[key]
	if pl == nil {
		if l.places == nil {
			l.places = make(map[string]*place)
		}
		pl = &place{}
		l.places[key] = pl
	}
	isClose := now.Sub(pl.last) < parkInterval
	pl.last = now
	if l.idle == nil {
		l.idle = time.AfterFunc(parkIdle, l.expire)
	} else {
		l.idle.Reset(parkIdle)
	}
	if !isClose || len(pl.parked) >= parkEach || l.count >= parkAll || !l.watch() {
		return
	}
	l.count++
	l.leaving.Go(func() { l.park(r, pl) })
}

// watch makes sure that changes of the mount table are noticed.
func (l *parkingLot) watch() bool {
	if l.mounts == nil {
		w, err := sys.WatchMounts(l.Drop)
		if err != nil {
			return false
		}
		l.mounts = w
	}
	return true
}

// park starts a launcher with the prelude.
func (l *parkingLot) park(r *request, pl *place) {
	p, err := r.startLauncher()
	if err == nil {
		err = p.out.send(p.control, true)
	}
	l.mu.Lock()
	keep := err == nil && l.places[r.key()] == pl // or everything was dropped meanwhile
	if keep {
		pl.parked = append(pl.parked, p)
	} else {
		l.count--
	}
	l.mu.Unlock()
	if !keep && p != nil {
		p.discard()
	}
}

// expire drops everything when there was no start for a while.
func (l *parkingLot) expire() { l.Drop() }

// Drop ends every parked launcher.
func (l *parkingLot) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropAll()
}

func (l *parkingLot) dropAll() {
	for _, pl := range l.places {
		for _, p := range pl.parked {
			l.count--
			l.leaving.Go(p.discard)
		}
	}
	l.places = nil
	if l.mounts != nil {
		l.mounts.Close()
		l.mounts = nil
	}
	if l.idle != nil {
		l.idle.Stop()
		l.idle = nil
	}
}

// discard ends a launcher that is not needed.
func (p *Process) discard() {
	p.abort()
	p.drain()
}

// Trim ends every parked launcher and returns when they are gone.
func Trim() {
	lot.mu.Lock()
	lot.dropAll()
	// Those who come later have their own, or they would race with the waiting.
	leaving := lot.leaving
	lot.leaving = new(sync.WaitGroup)
	lot.mu.Unlock()
	leaving.Wait()
}
