package cgroup

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// helperEnv makes the test binary one of the programs below.
const helperEnv = "SANDKIT_CGROUP_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		_, _ = io.Copy(io.Discard, os.Stdin) // until it is in its group
		helper(os.Args[1:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func helper(args []string) {
	switch args[0] {
	case "spin":
		for n := 0; n >= 0; {
			n = (n + 1) & 0xffff
		}
	case "sleep":
		time.Sleep(time.Hour)
	case "eat":
		eat(args[1])
	case "fork":
		for {
			cmd := exec.Command("/proc/self/exe", "sleep")
			cmd.Env = os.Environ()
			if r, _, err := os.Pipe(); err == nil {
				cmd.Stdin = r // never ends
			}
			if err := cmd.Start(); err != nil {
				time.Sleep(time.Millisecond)
			}
		}
	case "claim":
		claimAndDie()
	case "open":
		for _, a := range args[1:] {
			name, flags := a[2:], map[byte]int{'r': os.O_RDONLY, 'w': os.O_WRONLY, 'b': os.O_RDWR}[a[0]]
			f, err := os.OpenFile(name, flags, 0)
			if err == nil {
				f.Close()
			}
			fmt.Println(err == nil)
		}
	}
}

// eat takes memory until it is killed.
func eat(kind string) {
	const size = 1 << 20
	if kind == "memfd" {
		name := []byte("eat\x00")
		fd, _, errno := syscall.Syscall(319, uintptr(unsafe.Pointer(&name[0])), 0, 0) // memfd_create on amd64
		if errno != 0 {
			os.Exit(3)
		}
		b := make([]byte, size)
		for {
			if _, err := syscall.Write(int(fd), b); err != nil {
				os.Exit(4)
			}
		}
	}
	for {
		b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err != nil {
			os.Exit(3)
		}
		for i := 0; i < size; i += 4096 {
			b[i] = 1
		}
	}
}

// claimAndDie makes a tree with a process in it, says so, and is killed.
func claimAndDie() {
	h, err := Detect()
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	tr, err := h.Claim(ctx, "sandkit-test")
	if err != nil {
		panic(err)
	}
	g, err := tr.Create(ctx, Config{Name: "left", Limits: Limits{Pids: 10}})
	if err != nil {
		panic(err)
	}
	cmd := exec.Command("/proc/self/exe", "sleep")
	cmd.Env = os.Environ()
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	if err := g.AddProcess(cmd.Process.Pid); err != nil {
		panic(err)
	}
	fmt.Println(tr.Name(), cmd.Process.Pid)
	time.Sleep(time.Hour)
}
