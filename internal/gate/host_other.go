//go:build !linux

package gate

import (
	"os"

	"github.com/sandkit/sandkit/internal/kernel"
)

func unsupported() error {
	return &kernel.NotSupportedError{Feature: "stores for many processes", Hint: "only Linux has their locks"}
}

func tryLock(*os.File, int64) (bool, error)  { return false, unsupported() }
func tryShare(*os.File, int64) (bool, error) { return false, unsupported() }
func unlock(*os.File, int64) error           { return unsupported() }
func checkOwner(string, os.FileInfo) error   { return unsupported() }
