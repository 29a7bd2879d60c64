package systemd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/sandkit/sandkit/cgroup"
)

// memberEnv makes the test binary the program that enters a scope. It has the
// address of D-Bus and the directory that stands for "/".
const memberEnv = "SANDKIT_SYSTEMD_MEMBER"

func TestMain(m *testing.M) {
	if os.Getenv(memberEnv) != "" {
		if err := member(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// member enters a scope, makes a group with limits in it, and says where it
// and the group are.
func member(address, root string) error {
	ctx := context.Background()
	parent, err := Scope{Address: address}.enter(ctx, root)
	if err != nil {
		return err
	}
	host, err := cgroup.Detect()
	if err != nil {
		return err
	}
	tree, err := host.Claim(ctx, parent)
	if err != nil {
		return err
	}
	defer tree.Close()
	g, err := tree.Create(ctx, cgroup.Config{Name: "job", Limits: cgroup.Limits{Pids: 10, MemoryMax: 64 << 20}})
	if err != nil {
		return err
	}
	limit, err := os.ReadFile(filepath.Join(g.Path(cgroup.Pids), "pids.max"))
	if err != nil {
		return err
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	fmt.Printf("%s%s\n%s%s\n", limit, parent, own, g.Path(cgroup.Pids))
	return err
}
