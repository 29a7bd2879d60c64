package logs

import "context"

// follow reads what is there and what comes.
func (r *fileReader) follow(ctx context.Context) error {
	watched := ctx
	if !r.opts.Until.IsZero() {
		var cancel context.CancelFunc
		watched, cancel = context.WithDeadline(ctx, r.opts.Until)
		defer cancel()
	}
	stop := context.AfterFunc(watched, r.watch.interrupt)
	defer stop()
	for {
		// Looked at before reading, so that what came before is read.
		last := r.watch.writerGone() || watched.Err() != nil
		if err := r.drain(ctx); err != nil || last {
			return err
		}
		if err := r.watch.wait(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}
