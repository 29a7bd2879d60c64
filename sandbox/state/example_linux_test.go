package state_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/sandkit/sandkit/sandbox/state"
)

// A sandbox is recorded by one process and listed by any other.
func Example() {
	dir, err := os.MkdirTemp("", "state")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	s, err := state.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	e, err := s.Create(ctx, state.Record{Name: "web", Image: "busybox", Command: []string{"sleep", "60"}})
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close() // gives it up: another process may adopt it then
	err = e.Update(func(st *state.Status) error {
		st.State, st.PID = state.Running, os.Getpid()
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}

	list, err := s.List(ctx, state.ListOptions{Filters: []state.Filter{{Key: "name", Value: "^web$"}}})
	if err != nil {
		log.Fatal(err)
	}
	for _, sum := range list {
		fmt.Println(sum.Record.Name, sum)
	}
	// Output: web Up Less than a second
}

// What happens is told to whoever watches, in whatever process it happens.
func ExampleStore_Watch() {
	dir, err := os.MkdirTemp("", "state")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	s, err := state.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	events := s.Watch(ctx)
	e, err := s.Create(ctx, state.Record{Name: "web"})
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range events {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Kind, event.Name)
		if event.Kind == state.EventDestroy {
			break
		}
		if err := e.Remove(ctx); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// create web
	// destroy web
}

// A table is what docker ps prints.
func ExampleFormatTable() {
	now := time.Now()
	list := []state.Summary{{
		Record: state.Record{ID: state.NewID(), Name: "web", Image: "busybox", Command: []string{"httpd", "-f"}, Created: now.Add(-time.Hour)},
		Status: state.Status{State: state.Exited, ExitCode: 143, Started: now.Add(-time.Hour), Finished: now.Add(-2 * time.Minute)},
	}}
	var b strings.Builder
	if err := state.FormatTable(&b, list, state.TableOptions{Now: now}); err != nil {
		log.Fatal(err)
	}
	_, fields, _ := strings.Cut(strings.Split(b.String(), "\n")[1], " ") // but for the id
	fmt.Println(strings.TrimSpace(fields))
	// Output: busybox   "httpd -f"   About an hour ago   Exited (143) 2 minutes ago             web
}

func ExampleParseFilter() {
	f, err := state.ParseFilter("label=tier=front")
	fmt.Println(f.Key, f.Value, err)
	_, err = state.ParseFilter("status=sleeping")
	fmt.Println(err)
	// Output:
	// label tier=front <nil>
	// filter status "sleeping": there is no such state
}
