//go:build linux

package main

import (
	"fmt"
	"io"
	"sync/atomic"
)

// stream is the way of a port's data on the host.
type stream struct {
	name  string
	dst   io.Writer
	src   io.Reader
	moved atomic.Int64 // bytes
	err   error        // of dst; valid after copy
}

// copy returns at the end of src.
func (s *stream) copy() {
	buf := make([]byte, 64<<10)
	for {
		n, readErr := s.src.Read(buf)
		if s.err == nil && n > 0 {
			if _, err := s.dst.Write(buf[:n]); err != nil {
				// The rest is dropped: the program must not block on it.
				s.err = fmt.Errorf("copy %s: %w", s.name, err)
			}
		}
		s.moved.Add(int64(n))
		if readErr != nil {
			return // the machine has ended, and nothing else ends a port
		}
	}
}
