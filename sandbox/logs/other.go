//go:build !linux

package logs

import (
	"io/fs"
	"os"

	"github.com/sandkit/sandkit/internal/kernel"
)

const noFollow = 0

func unsupported(feature string) error {
	return &kernel.NotSupportedError{Feature: feature, Hint: "only Linux has what it needs"}
}

func lockWriter(base, fs.FileMode) (*os.File, error) { return nil, unsupported("writing log files") }

func unlockWriter(f *os.File) error { return f.Close() }

func fileID(fs.FileInfo) string { return "" }

func unlinked(*os.File) bool { return true }

// watch does not exist here.
type watch struct{}

func openWatch(base) (*watch, error) { return nil, unsupported("following log files") }

func (*watch) interrupt()           {}
func (*watch) writerGone() bool     { return true }
func (*watch) renamed() int64       { return -1 }
func (*watch) addFile(string) error { return unsupported("following log files") }
func (*watch) wait() error          { return unsupported("following log files") }
func (*watch) close() error         { return nil }
