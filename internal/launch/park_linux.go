package launch

import (
	"crypto/sha256"
	"errors"
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
var lot parkingLot

type parkingLot struct {
	mu     sync.Mutex
	places map[string]*place
	count  int // parked, and on their way
	idle   *time.Timer
	mounts *sys.MountWatch

	digests digests // of preludes

	moving *sync.WaitGroup // launchers on their way in or out; nil for none
}

// place has the launchers of one prelude.
type place struct {
	parked []*Process
	coming int       // launchers that are still at the prelude
	last   time.Time // of a start
}

// preludeKey tells preludes apart: by their code, by the rooms that they run in,
// and by the files that go with them. It is a digest, since a key is kept as
// long as its place.
func (r *request) preludeKey() string {
	h := sha256.New()
	first, _ := r.splitFiles()
	for _, f := range first {
		h.Write(sys.Identity(f))
		h.Write([]byte{0})
	}
	h.Write([]byte(r.Rooms.key()))
	h.Write([]byte{0})
	code := lot.digests.of(r.parts[0].Code)
	h.Write(code[:])
	return string(h.Sum(nil))
}

// take gives a launcher that has executed the request's prelude, or nil.
func (l *parkingLot) take(r *request) *Process {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mounts == nil { // nothing is parked, though something may be on its way
		return nil
	}
	if l.mounts.Changed() {
		// Their mount namespaces are copies of what is no more.
		l.dropAll()
		return nil
	}
	pl := l.places[r.key]
	if pl == nil || len(pl.parked) == 0 {
		return nil
	}
	p := pl.parked[0]
	pl.parked = pl.parked[1:]
	l.count--
	return p
}

// used notes a start, and has more launchers parked when starts are close.
func (l *parkingLot) used(r *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key, now := r.key, time.Now()
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
	if !isClose || !l.watch() {
		return
	}
	for len(pl.parked)+pl.coming < parkEach && l.count < parkAll {
		l.count++
		pl.coming++
		l.move(func() { l.park(r, pl) })
	}
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
	pl.coming--
	keep := err == nil && l.places[r.key] == pl // or everything was dropped meanwhile
	if keep {
		pl.parked = append(pl.parked, p)
	} else {
		l.count--
	}
	l.mu.Unlock()
	if !keep && p != nil {
		_ = p.discard() // likewise
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
			l.move(func() { _ = p.discard() }) // nobody is there to be told
		}
	}
	l.places = nil
	l.digests.forget()
	if l.mounts != nil {
		l.mounts.Close()
		l.mounts = nil
	}
	if l.idle != nil {
		l.idle.Stop()
		l.idle = nil
	}
}

// discard ends a launcher that is not needed, and gives its room up.
func (p *Process) discard() error {
	p.abort()
	return errors.Join(p.drain(), p.leave())
}

// move calls f in the background. The caller holds the lock.
func (l *parkingLot) move(f func()) {
	if l.moving == nil {
		l.moving = new(sync.WaitGroup)
	}
	l.moving.Go(f)
}

// Trim ends every parked launcher and returns when they are gone. Starts may
// go on meanwhile; what they park is not waited for.
func Trim() {
	lot.mu.Lock()
	lot.dropAll()
	moving := lot.moving
	lot.moving = nil
	if moving != nil {
		lot.move(moving.Wait) // for another Trim at the same time
	}
	lot.mu.Unlock()
	if moving != nil {
		moving.Wait()
	}
}
