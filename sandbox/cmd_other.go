//go:build !linux

package sandbox

func (s *Sandbox) pid() int { return 0 }

// Sys needs Linux.
func (s *CmdState) Sys() any { return nil }
