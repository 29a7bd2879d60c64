package sandbox

import (
	"os"
	"slices"
	"syscall"
)

// forwarded are the signals that ForwardSignals forwards. 32 and 33 belong to the
// C library.
func forwarded() []os.Signal {
	own := []syscall.Signal{
		syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGPIPE, syscall.SIGURG, syscall.SIGWINCH, 32, 33,
	}
	var list []os.Signal
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		if !slices.Contains(own, sig) {
			list = append(list, sig)
		}
	}
	return list
}
