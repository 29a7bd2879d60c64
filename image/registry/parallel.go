package registry

import (
	"context"
	"sync"
)

// parallel does so many things at once. The first error ends the others, and
// is the result when they have ended.
func parallel(ctx context.Context, most int, all []func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		wg    sync.WaitGroup
		once  sync.Once
		first error
	)
	fail := func(err error) {
		once.Do(func() {
			first = err
			cancel(err)
		})
	}
	next := make(chan func(context.Context) error)
	for range min(most, len(all)) {
		wg.Go(func() {
			for do := range next {
				if err := do(ctx); err != nil {
					fail(err)
				}
			}
		})
	}
	for _, do := range all {
		if ctx.Err() != nil {
			break
		}
		next <- do
	}
	close(next)
	wg.Wait()
	if first == nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return first
}
