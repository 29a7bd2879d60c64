//go:build linux && !amd64

package main

import (
	"fmt"
	"runtime"
)

// tscKHz fails: the kernels are amd64's, and so must be the program.
func tscKHz() (uint64, error) {
	return 0, fmt.Errorf("not supported on %s: it needs an amd64 Linux host", runtime.GOARCH)
}
