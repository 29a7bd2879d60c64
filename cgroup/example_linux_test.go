package cgroup_test

import (
	"context"
	"fmt"
	"log"

	"github.com/sandkit/sandkit/cgroup"
)

func ExampleHost_Collect() {
	host, err := cgroup.Detect()
	if err != nil {
		log.Fatal(err)
	}
	removed, err := host.Collect(context.Background(), "sandkit-test")
	fmt.Println(len(removed) >= 0, err)
	// Output: true <nil>
}
