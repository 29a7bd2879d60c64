//go:build !linux

package store

import (
	"os"
	"time"

	"github.com/sandkit/sandkit/internal/kernel"
)

const noFollow = 0

func supported() error {
	return &kernel.NotSupportedError{Feature: "image store", Hint: "only Linux has its locks"}
}

func tryLock(*os.File, int64) (bool, error) { return false, supported() }
func unlock(*os.File, int64) error          { return supported() }
func syncData(*os.File) error               { return supported() }
func syncFS(*os.File) error                 { return supported() }

func changed(info os.FileInfo) time.Time { return info.ModTime() }

func diskSize(info os.FileInfo) int64 { return info.Size() }
