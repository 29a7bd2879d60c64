package cgroup

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// TestManyGroupsWatched: five hundred groups take one goroutine beside those of
// their loops, and it ends with the last.
func TestManyGroupsWatched(t *testing.T) {
	tr := tree(t)
	groups := 500
	if testing.Short() {
		groups = 50
	}
	before := runtime.NumGoroutine()
	var all []*Group
	for n := range groups {
		g, err := tr.Create(t.Context(), Config{Name: fmt.Sprint(n)})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	var subs []*subscription
	for _, g := range all {
		s, err := tr.host.watcher.subscribe(g)
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, s)
	}
	if n := runtime.NumGoroutine() - before; n > 1 {
		t.Errorf("%d goroutines for %d groups", n, groups)
	}
	start(t, all[7], "sleep")
	<-subs[7].wake
	if events, open := tr.host.watcher.next(subs[7]); !open || !slices.Contains(events, Event{Populated, 1}) {
		t.Errorf("told of %v, %v", events, open)
	}
	if err := all[7].Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-subs[7].wake
	for _, g := range all {
		if err := g.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for n, s := range subs {
		if _, open := tr.host.watcher.next(s); n != 7 && open {
			t.Errorf("the loop of group %d goes on", n)
		}
	}
	until(t, "the goroutine ends", func() bool { return runtime.NumGoroutine() <= before })
}

// TestWatchWhileGoing: loops begin and end while groups come and go.
func TestWatchWhileGoing(t *testing.T) {
	tr := tree(t)
	var wg sync.WaitGroup
	for n := range 40 {
		wg.Go(func() {
			g, err := tr.Create(t.Context(), Config{Name: fmt.Sprint(n), Limits: Limits{Pids: 5}})
			if err != nil {
				t.Error(err)
				return
			}
			var loops sync.WaitGroup
			for range 3 {
				loops.Go(func() {
					for _, err := range g.Events(t.Context()) {
						if err != nil && !errors.Is(err, ErrRemoved) {
							t.Error(err)
						}
					}
				})
			}
			if _, err := g.Stats(); err != nil {
				t.Error(err)
			}
			if err := g.Remove(t.Context()); err != nil {
				t.Error(err)
			}
			loops.Wait()
		})
	}
	wg.Wait()
}
