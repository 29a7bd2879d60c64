package cgroup_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/cgroup"
)

// A program is started, limited and measured.
func Example() {
	ctx := context.Background()
	host, err := cgroup.Detect()
	if err != nil {
		log.Fatal(err)
	}
	tree, err := host.Claim(ctx, cgroup.DefaultParent)
	if err != nil {
		log.Fatal(err)
	}
	defer tree.Close()
	group, err := tree.Create(ctx, cgroup.Config{
		Name:   "job",
		Limits: cgroup.Limits{MemoryMax: 64 << 20, CPUs: 0.5, Pids: 100},
	})
	if err != nil {
		log.Fatal(err)
	}
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		log.Fatal(err)
	}
	if err := group.AddProcess(cmd.Process.Pid); err != nil {
		log.Fatal(err)
	}
	if err := group.Apply(ctx, cgroup.Limits{MemoryMax: 32 << 20}); err != nil {
		log.Fatal(err)
	}
	if err := group.Kill(ctx); err != nil {
		log.Fatal(err)
	}
	_ = cmd.Wait() // killed
	stats, err := group.Stats()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stats.Memory.Limit>>20, "MiB,", stats.Memory.OOMKills, "killed for memory")
}

func ExampleLimits() {
	l := cgroup.Limits{CPUs: 0.5, MemoryMax: 64 << 20, Pids: 100}
	fmt.Println(l, l.Validate())
	fmt.Println(cgroup.Limits{MemoryMax: 1, CPUWeight: 20_000}.Validate())
	// Output:
	// {"cpus":0.5,"memoryMax":67108864,"pids":100} <nil>
	// CPUWeight is 20000, allowed is from 1 to 10000; MemoryMax is 1, allowed is 0 for no limit, or at least 6291456
}

// The next program removes what a killed one has left.
func ExampleHost_Collect() {
	host, err := cgroup.Detect()
	if err != nil {
		log.Fatal(err)
	}
	_, err = host.Collect(context.Background(), "sandkit-test")
	fmt.Println(err)
	// Output: <nil>
}

// On a host with v2 alone, a program starts in its group.
func ExampleGroup_FD() {
	var group *cgroup.Group // from Tree.Create
	fd, err := group.FD()
	if err != nil {
		log.Fatal(err)
	}
	defer fd.Close()
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(fd.Fd())}
	if err := cmd.Run(); err != nil {
		log.Fatal(err)
	}
}

// A loop hears of a group that runs out of memory.
func ExampleGroup_Events() {
	var group *cgroup.Group // from Tree.Create
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for event, err := range group.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if event.Kind == cgroup.OOMKill {
			fmt.Fprintln(os.Stderr, event.Count, "processes were killed")
		}
	}
}

// A limit that this host may lack is allowed to drop.
func ExampleBestEffort() {
	var tree *cgroup.Tree // from Host.Claim
	group, err := tree.Create(context.Background(), cgroup.Config{
		Name:       "job",
		Limits:     cgroup.Limits{MemoryMax: 64 << 20, OOMGroup: true},
		BestEffort: cgroup.BestEffort{"OOMGroup"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range group.Dropped() {
		fmt.Println(d)
	}
}
