package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// maxSockets bounds what is read of a table of sockets.
const maxSockets = 64 << 20

// listening tells whether anything in the sandbox's network namespace listens on
// a TCP port.
func (s *Sandbox) listening(port uint16) (bool, error) {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	if r == nil {
		return false, ErrNotRunning
	}
	for _, table := range []string{"tcp", "tcp6"} {
		path := fmt.Sprintf("/proc/%d/net/%s", r.process.PID(), table)
		b, err := readTable(path)
		if errors.Is(err, os.ErrNotExist) && table == "tcp6" {
			return false, nil // a kernel without IPv6
		}
		if err != nil {
			return false, err
		}
		if ok, err := listensOn(b, port); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func readTable(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSockets))
	return b, errors.Join(err, f.Close())
}
