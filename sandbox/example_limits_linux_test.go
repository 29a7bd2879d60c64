package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/sandbox"
)

// Limits need cgroups: as root, or in a delegated group of cgroup v2.
func ExampleWithMemory() {
	_, err := sandbox.Run(context.Background(),
		sandbox.WithCommand("python3", "-c", "x = bytearray(1 << 30)"),
		sandbox.WithMemory(64<<20), // bytes
		sandbox.WithCPUs(0.5),
		sandbox.WithPids(50),
	)
	if errors.Is(err, sandbox.ErrOOMKilled) {
		fmt.Println("it wants more than 64 MiB")
	}
}

// Limits change while the program runs, and what it has used can be read at
// any time.
func ExampleSandbox_Update() {
	ctx := context.Background()
	sb, err := sandbox.New(sandbox.WithCommand("sleep", "60"), sandbox.WithMemory(64<<20))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sb.Close()
	if err := sb.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	if err := sb.Update(ctx, cgroup.Limits{MemoryMax: 128 << 20, CPUQuota: 20 * time.Millisecond}); err != nil {
		fmt.Println(err)
	}
	if stats, err := sb.Stats(ctx); err == nil {
		fmt.Println(stats.Memory.Current, "bytes of", stats.Memory.Limit)
	}
	for event, err := range sb.Events(ctx) { // ends with the sandbox
		fmt.Println(event.Kind, event.Count, err)
	}
}
