package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/sandkit/sandkit/image/layer"
)

// floor does what cannot be left out: it decompresses layers and hashes them,
// packed and unpacked, two at a time. The results go nowhere.
func floor(_ context.Context, paths []string) error {
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	// The largest ones first, so that none is left for the end.
	slices.SortFunc(paths, func(a, b string) int { return cmp.Compare(size(b), size(a)) })
	next := make(chan string, len(paths))
	for _, p := range paths {
		next <- p
	}
	close(next)
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for p := range next {
				errs[i] = errors.Join(errs[i], digest(p))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// digest reads a layer.
func digest(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	packed := io.TeeReader(f, sha256.New())
	u, err := layer.NewUnpacker(packed, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	if _, err := io.CopyBuffer(struct{ io.Writer }{sha256.New()}, u, make([]byte, 1<<17)); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, packed)
	return err
}
