package sys

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// onSpoiltThread calls f on a thread that ends afterwards, so that f may make it
// unfit for anything else.
func onSpoiltThread(f func() error) error {
	done := make(chan error)
	go runSpoilt(done, f)
	return <-done
}

func runSpoilt(done chan<- error, f func() error) {
	// Never unlocked: the runtime ends the thread with this goroutine.
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		done <- f()
		return
	}
	// The first thread never ends, and /proc/self shows it. As long as it is
	// locked, another goroutine gets another thread.
	inner := make(chan error)
	go runSpoilt(inner, f)
	err := <-inner
	runtime.UnlockOSThread()
	done <- err
}
