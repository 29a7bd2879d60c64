//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// loadModules loads the modules in the order given. One that fails is only
// warned about: the program may not need it.
func loadModules(names []string, warn func(string)) {
	for _, n := range names {
		if err := loadModule(moduleDir + "/" + n + ".ko"); err != nil {
			warn(fmt.Sprintf("load module %s: %v", n, err))
		}
	}
}

func loadModule(file string) error {
	image, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if len(image) == 0 {
		return errors.New("empty file")
	}
	params := []byte{0}
	_, _, errno := syscall.Syscall(
		syscall.SYS_INIT_MODULE,
		uintptr(unsafe.Pointer(&image[0])), uintptr(len(image)), uintptr(unsafe.Pointer(&params[0])),
	)
	if errno != 0 && !errors.Is(errno, syscall.EEXIST) {
		return errno
	}
	return nil
}
