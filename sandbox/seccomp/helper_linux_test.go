package seccomp

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// helperEnv makes the test binary be a helper: its value is the helper's name.
// A filter cannot be taken off again, so filters are loaded in helpers only.
const (
	helperEnv  = "SANDKIT_SECCOMP_HELPER"
	profileEnv = "SANDKIT_SECCOMP_PROFILE"
)

func TestMain(m *testing.M) {
	helpers := map[string]func(Filter, []string) error{
		"probe": helperProbe,
		"exec":  helperExec,
		"go":    helperGo,
		"load":  helperLoad,
		"call":  helperCall,
	}
	helper, ok := helpers[os.Getenv(helperEnv)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := runHelper(helper); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(100)
	}
}

func runHelper(helper func(Filter, []string) error) error {
	var p Profile
	if err := json.Unmarshal([]byte(os.Getenv(profileEnv)), &p); err != nil {
		return err
	}
	f, err := p.Compile(Target{})
	if err != nil {
		return err
	}
	return helper(f, os.Args[1:])
}

// helperCommand returns the test binary as the named helper with a profile.
func helperCommand(tb testing.TB, helper string, p Profile, args ...string) *exec.Cmd {
	tb.Helper()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		tb.Skipf("no filters for %s", runtime.GOARCH)
	}
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	profile, err := json.Marshal(p)
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), helperEnv+"="+helper, profileEnv+"="+string(profile))
	cmd.Stderr = os.Stderr
	return cmd
}

const flagTSync = 1 // SECCOMP_FILTER_FLAG_TSYNC

// noNewPrivs lets the thread load filters without CAP_SYS_ADMIN.
func noNewPrivs() error {
	const prSetNoNewPrivs = 38
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0); errno != 0 {
		return fmt.Errorf("set no_new_privs: %w", errno)
	}
	return nil
}

// loader returns a function that loads a filter into the calling thread, in
// one system call.
func loader(program []byte, flags Flags) func() error {
	fprog := &struct {
		length uint16
		filter *byte
	}{uint16(len(program) / instructionSize), unsafe.SliceData(program)}
	arch, err := architectureOf(runtime.GOARCH)
	if err != nil {
		return func() error { return err }
	}
	number, _ := arch.number("seccomp")
	return func() error {
		if fprog.length == 0 {
			return nil
		}
		_, _, errno := syscall.RawSyscall(uintptr(number), seccompSetModeFilter, uintptr(flags), uintptr(unsafe.Pointer(fprog)))
		if errno != 0 {
			return fmt.Errorf("load filter: %w", errno)
		}
		return nil
	}
}

// load sets no_new_privs and loads the filter into the calling thread.
func load(f Filter, more Flags) error {
	if err := noNewPrivs(); err != nil {
		return err
	}
	return loader(f.Bytes(), f.Flags|more)()
}

// helperExec executes a program under the filter.
func helperExec(f Filter, args []string) error {
	runtime.LockOSThread()
	if err := load(f, 0); err != nil {
		return err
	}
	return syscall.Exec(args[0], args, []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/"})
}

// exitOf describes how a command ended.
func exitOf(tb testing.TB, err error) string {
	tb.Helper()
	if err == nil {
		return "exit 0"
	}
	ee, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		tb.Fatal(err)
	}
	status, ok := ee.Sys().(syscall.WaitStatus)
	if !ok {
		tb.Fatalf("no wait status: %v", err)
	}
	if status.Signaled() {
		return "signal " + strings.ToLower(status.Signal().String())
	}
	return fmt.Sprintf("exit %d", status.ExitStatus())
}
