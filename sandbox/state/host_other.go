//go:build !linux

package state

import (
	"os"

	"github.com/sandkit/sandkit/internal/kernel"
)

const noFollow = 0

func supported() error {
	return &kernel.NotSupportedError{Feature: "store of sandbox records", Hint: "only Linux has its locks"}
}

func tryLock(*os.File, int64) (bool, error) { return false, supported() }
func locked(*os.File, int64) (bool, error)  { return false, supported() }
func unlock(*os.File, int64) error          { return supported() }
func syncData(*os.File) error               { return supported() }
func bootID() (string, error)               { return "", supported() }
func processStart(int) (uint64, error)      { return 0, supported() }
func watchDir(*os.File) (watcher, error)    { return nil, supported() }

// watchChange is a change in a watched directory.
type watchChange struct {
	Name     string
	Gone     bool
	Overflow bool
}
