package volume_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sandkit/sandkit/sandbox/volume"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func tempStore() (s *volume.Store, done func()) {
	dir, err := os.MkdirTemp("", "volumes")
	check(err)
	s, err = volume.Open(filepath.Join(dir, "store"))
	check(err)
	return s, func() { check(errors.Join(s.Close(), os.RemoveAll(dir))) }
}

func ExampleStore() {
	s, done := tempStore()
	defer done()
	ctx := context.Background()
	_, err := s.Create(ctx, volume.Options{Name: "data", Labels: map[string]string{"tier": "back"}})
	check(err)
	list, err := s.List(ctx, volume.Filter{Key: "label", Value: "tier=back"})
	check(err)
	fmt.Println(list)
	removed, err := s.Prune(ctx, volume.PruneOptions{All: true})
	check(err)
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
	check(err)
	fmt.Println(errors.Is(s.Remove(ctx, "data", volume.RemoveOptions{}), volume.ErrInUse))
	check(r.Release(ctx))
	fmt.Println(s.Remove(ctx, "data", volume.RemoveOptions{}))
	// Output:
	// true
	// <nil>
}
