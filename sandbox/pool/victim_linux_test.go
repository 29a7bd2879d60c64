package pool_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/pool"
)

// victimArg makes the test binary play other parts: a host program that is
// killed, and the supervisor that watches what becomes of its sandboxes.
const victimArg = "-victim"

func victim(args []string) {
	part := supervise
	if args[0] == "busy" {
		part = busyHost
	}
	if err := part(); err != nil {
		fmt.Fprintln(os.Stderr, "victim:", err)
		os.Exit(1)
	}
}

// supervise starts a host program, kills it, and ends well when every descendant
// is gone soon.
func supervise() error {
	if err := sys.BecomeSubreaper(); err != nil {
		return err
	}
	host := exec.Command("/proc/self/exe", victimArg, "busy")
	host.Stderr = os.Stderr
	ready, err := host.StdoutPipe()
	if err != nil {
		return err
	}
	if err := host.Start(); err != nil {
		return err
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("host program did not begin: %w", err)
	}
	if err := host.Process.Kill(); err != nil {
		return err
	}
	_ = host.Wait() // it was killed
	for end := time.Now().Add(patience / 2); time.Now().Before(end); {
		switch pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); {
		case err == syscall.ECHILD:
			return nil
		case pid == 0 && err == nil:
			time.Sleep(2 * time.Millisecond)
		}
	}
	return fmt.Errorf("processes of the pool live on")
}

// busyHost has a full pool, and runs all the time.
func busyHost() error {
	ctx := context.Background()
	p, err := pool.New(pool.Options{Size: 3})
	if err != nil {
		return err
	}
	if err := p.Fill(ctx); err != nil {
		return err
	}
	for n := 0; ; n++ {
		if n == 5 {
			fmt.Println("go")
		}
		if _, err := p.Run(ctx, sandbox.WithCommand("sh", "-c", "sleep 100 & setsid sleep 100 &")); err != nil {
			return err
		}
	}
}
