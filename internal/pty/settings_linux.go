package pty

import (
	"fmt"
	"os"

	"github.com/sandkit/sandkit/internal/sys"
)

// IsTerminal tells whether a file is a terminal.
func IsTerminal(f *os.File) bool {
	_, err := sys.GetTermios(f)
	return err == nil
}

// Size is how many rows and columns a terminal has.
func Size(f *os.File) (rows, cols uint16, err error) { return sys.WindowSize(f) }

// SetSize changes it: the processes in its foreground get SIGWINCH.
func SetSize(f *os.File, rows, cols uint16) error { return sys.SetWindowSize(f, rows, cols) }

// MakeRaw has a terminal hand on every byte as it is typed, and gives what makes
// it as it was.
func MakeRaw(f *os.File) (restore func() error, err error) {
	before, err := sys.GetTermios(f)
	if err != nil {
		return nil, fmt.Errorf("read settings of terminal: %w", err)
	}
	raw := *before
	sys.MakeRaw(&raw)
	if err := sys.SetTermios(f, &raw); err != nil {
		return nil, fmt.Errorf("change settings of terminal: %w", err)
	}
	return func() error {
		if err := sys.SetTermios(f, before); err != nil {
			return fmt.Errorf("restore settings of terminal: %w", err)
		}
		return nil
	}, nil
}

// EndOfInput is what has to be written to a master so that who reads the slave
// sees the end of its input: the terminal's VEOF character, twice after an
// unfinished line, which the first one only hands on. It is empty when there is
// no such character.
func EndOfInput(master *os.File, unfinished bool) ([]byte, error) {
	t, err := sys.GetTermios(master)
	if err != nil {
		return nil, err
	}
	eof, lines := sys.EndOfFile(t)
	switch {
	case eof == 0:
		return nil, nil
	case lines && unfinished:
		return []byte{eof, eof}, nil
	}
	return []byte{eof}, nil
}
