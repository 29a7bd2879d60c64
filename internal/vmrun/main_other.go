//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "vmrun: not supported on this system: it needs an amd64 Linux host")
	os.Exit(125)
}
