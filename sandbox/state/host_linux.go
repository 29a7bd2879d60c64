package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

func supported() error { return nil }

func tryLock(f *os.File, offset int64) (bool, error) { return sys.TryLockByte(f, offset) }
func locked(f *os.File, offset int64) (bool, error)  { return sys.ByteLocked(f, offset) }
func unlock(f *os.File, offset int64) error          { return sys.UnlockByte(f, offset) }
func syncData(f *os.File) error                      { return sys.SyncData(f) }

func watchDir(dir *os.File) (watcher, error) { return sys.WatchDir(dir) }

// watchChange is a change in a watched directory.
type watchChange = sys.WatchChange

// bootID names this boot of the machine.
func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// processStart is when a process began, in clock ticks since the boot; zero
// when there is none, or when it has ended and nobody has asked for its status.
func processStart(pid int) (uint64, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	// What is in parentheses is the program's name, which may hold anything.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	const stateField, startField = 0, 19 // counted from the one after the name, the third of all
	if len(fields) <= startField {
		return 0, fmt.Errorf("read start of process %d: %q has too few fields", pid, b)
	}
	if s := string(fields[stateField]); s == "Z" || s == "X" {
		return 0, nil
	}
	start, err := strconv.ParseUint(string(fields[startField]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read start of process %d: %w", pid, err)
	}
	return start, nil
}
