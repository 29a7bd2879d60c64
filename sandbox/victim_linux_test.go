package sandbox_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// victimArg makes the test binary play other parts: a host program that is
// killed, and the supervisor that watches what becomes of its sandboxes.
const victimArg = "-victim"

func itoa(n int) string { return strconv.Itoa(n) }

func victim(args []string) {
	parts := map[string]func(args []string) error{
		"supervise": supervise, "stalled": stalledHost, "busy": busyHost, "limited": limitedHost, "main-thread": mainThreadHost, "chaos": chaosHost,
		"volumes":    volumesHost,
		"restarting": restartingHost,
		"detached":   survivorHost, "detached-all": detachedAll, "adopter": adopterHost, "adopter-all": adopterAll,
	}
	if err := parts[args[0]](args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "victim:", err)
		os.Exit(1)
	}
	sandbox.Trim()
}

// supervise starts a host program, kills it after some time, and ends well
// when every descendant is gone soon.
func supervise(args []string) error {
	if err := sys.BecomeSubreaper(); err != nil {
		return err
	}
	after, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	if err := killAfter(after, args[1:]...); err != nil {
		return err
	}
	return reapAll()
}

// killWhenReady starts a host program and kills it when it says that it is ready.
func killWhenReady(args ...string) error { return killAfter(0, args...) }

// killAfter kills it some time later.
func killAfter(after time.Duration, args ...string) error {
	host := exec.Command("/proc/self/exe", append([]string{victimArg}, args...)...)
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
	time.Sleep(after)
	if err := host.Process.Kill(); err != nil {
		return err
	}
	_ = host.Wait() // it was killed
	return nil
}

// reapAll waits until this process has no descendants any more.
func reapAll() error {
	for end := time.Now().Add(patience / 2); time.Now().Before(end); {
		switch pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); {
		case err == syscall.ECHILD:
			return nil
		case pid == 0 && err == nil:
			time.Sleep(2 * time.Millisecond)
		}
	}
	return fmt.Errorf("processes of the sandbox live on: %s", childrenOf("self"))
}

// stalledHost starts a sandbox whose set-up waits before one step, and whose
// program leaves a mark.
func stalledHost(args []string) error {
	step, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	// The marker's directory is shown under its own name.
	m := fs.Bind(args[1], "/mark")
	m.HostOwners = true
	s, err := sandbox.New(sandbox.WithMount(m), sandbox.WithCommand("sh", "-c", "echo > /mark/ran; exec sleep 1000"))
	if err != nil {
		return err
	}
	sandbox.Tamper(s, func(p *program.Program) {
		p.Stall(step, 150*time.Millisecond)
		fmt.Println("go")
	})
	if err := s.Start(context.Background()); err != nil {
		return err
	}
	select {} // until it is killed
}

// busyHost starts and ends sandboxes all the time, and keeps some.
func busyHost([]string) error {
	ctx := context.Background()
	fmt.Println("go")
	for {
		s, err := sandbox.New(sandbox.WithCommand("sleep", "1000"))
		if err != nil {
			return err
		}
		if err := s.Start(ctx); err != nil {
			return err
		}
		if _, err := sandbox.Run(ctx, sandbox.WithCommand("sh", "-c", "sleep 100 & setsid sleep 100 &")); err != nil {
			return err
		}
	}
}

// limitedHost has a sandbox with limits below a parent of its own.
func limitedHost(args []string) error {
	s, err := sandbox.New(sandbox.WithCommand("sh", "-c", "sleep 1000 & sleep 1000"),
		sandbox.WithMemory(64*mib), sandbox.WithPids(20), sandbox.WithCPUs(0.5), sandbox.WithCgroupParent(args[0]))
	if err != nil {
		return err
	}
	if err := s.Start(context.Background()); err != nil {
		return err
	}
	fmt.Println("go")
	select {} // until it is killed
}

// mainThreadHost starts a sandbox from the program's first thread and tells
// whether any thread is in other namespaces afterwards.
func mainThreadHost([]string) error {
	before := threadLinks()
	for range 20 {
		if _, err := sandbox.Run(context.Background(), sandbox.WithCommand("true")); err != nil {
			return err
		}
	}
	if after := threadLinks(); before != after {
		return fmt.Errorf("namespaces of the threads were %s, are %s", before, after)
	}
	if os.Getpid() != syscall.Gettid() {
		return fmt.Errorf("not on the main thread, so nothing was tested")
	}
	return nil
}

// volumesHost has a sandbox with volumes, recorded in a store.
func volumesHost(args []string) error {
	store, err := state.Open(args[0], state.NoSync())
	if err != nil {
		return err
	}
	s, err := sandbox.New(sandbox.WithState(store), sandbox.WithCommand("sleep", "1000"),
		sandbox.WithMount(fs.Volume("data", "/data")), sandbox.WithMount(fs.Anonymous("/anon")))
	if err != nil {
		return err
	}
	if err := s.Start(context.Background()); err != nil {
		return err
	}
	fmt.Println("go")
	select {} // until it is killed
}
