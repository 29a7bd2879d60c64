package systemd_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/cgroup/systemd"
)

// A program of an ordinary user asks for a scope first, and goes without
// limits where there is none.
func ExampleScope_Enter() {
	ctx := context.Background()
	parent, err := systemd.Scope{Description: "build farm"}.Enter(ctx)
	if errors.Is(err, systemd.ErrNotSupported) {
		fmt.Println("no limits:", err)
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	host, err := cgroup.Detect()
	if err != nil {
		fmt.Println(err)
		return
	}
	tree, err := host.Claim(ctx, parent)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tree.Close()
}
