package sandbox

import (
	"context"
	"os"
	"os/signal"
	"sync"
)

// ForwardSignals gives the program the signals that this program receives, until
// stop is called or ctx ends: all that can be caught, but for SIGCHLD, SIGPIPE,
// SIGURG and SIGWINCH, which are about this program's own affairs. They do
// nothing else here meanwhile. Those that come while no program runs are lost.
// With a terminal, Ctrl-C is a character and not a signal. On systems other than
// Linux there is nothing to forward to.
func ForwardSignals(ctx context.Context, s *Sandbox) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	received := make(chan os.Signal, 64)
	if list := forwarded(); len(list) > 0 { // none would mean all
		signal.Notify(received, list...)
	}
	var done sync.WaitGroup
	done.Go(func() {
		defer signal.Stop(received)
		for {
			select {
			case sig := <-received:
				if err := s.Signal(sig); err != nil {
					s.log.Debug("signal not forwarded", "id", s.id, "signal", sig, "error", err)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}
