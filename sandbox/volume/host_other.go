//go:build !linux

package volume

import (
	"context"
	"os"

	"github.com/sandkit/sandkit/internal/kernel"
)

const noFollow = 0

func supported() error {
	return &kernel.NotSupportedError{Feature: "volumes", Hint: "sandkit needs Linux"}
}

func duplicate(*os.File) (*os.File, error)     { return nil, supported() }
func tryLock(*os.File, int64) (bool, error)    { return false, supported() }
func locked(*os.File, int64) (bool, error)     { return false, supported() }
func unlock(*os.File, int64) error             { return supported() }
func syncFS(*os.File) error                    { return supported() }
func isNotEmpty(error) bool                    { return false }
func checkMounts(string) error                 { return supported() }
func (*Store) limit(string, *Volume) error     { return supported() }
func (*Store) sameLimit(string, *Volume) error { return supported() }
func (*Store) limited(string) uint32           { return 0 }
func (*Store) unlimit(uint32) error            { return supported() }

func replaceDir(*os.File, string, string) error { return supported() }

func removeTree(context.Context, *os.File, string) (int64, error) { return 0, supported() }
func measure(context.Context, *os.File, string) (int64, error)    { return 0, supported() }
