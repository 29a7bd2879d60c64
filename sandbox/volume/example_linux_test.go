package volume_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/sandkit/sandkit/sandbox/volume"
)

func tempStore() (s *volume.Store, done func()) {
	dir, err := os.MkdirTemp("", "volumes")
	if err == nil {
		s, err = volume.Open(filepath.Join(dir, "store"))
	}
	if err != nil {
		log.Fatal(err)
	}
	return s, func() {
		if err := errors.Join(s.Close(), os.RemoveAll(dir)); err != nil {
			log.Fatal(err)
		}
	}
}

func ExampleStore() {
	s, done := tempStore()
	defer done()
	ctx := context.Background()
	if _, err := s.Create(ctx, volume.Options{Name: "data", Labels: map[string]string{"tier": "back"}}); err != nil {
		log.Fatal(err)
	}
	list, err := s.List(ctx, volume.Filter{Key: "label", Value: "tier=back"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(list)
	removed, err := s.Prune(ctx, volume.PruneOptions{All: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(removed.Volumes)
	// Output:
	// [data]
	// [data]
}

func ExampleStore_Use() {
	s, done := tempStore()
	defer done()
	ctx := context.Background()
	r, err := s.Use(ctx, volume.UseOptions{Name: "data", User: "sandbox"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(errors.Is(s.Remove(ctx, "data", volume.RemoveOptions{}), volume.ErrInUse))
	if err := r.Release(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Remove(ctx, "data", volume.RemoveOptions{}))
	// Output:
	// true
	// <nil>
}
