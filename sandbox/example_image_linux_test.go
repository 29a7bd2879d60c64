package sandbox_test

import (
	"context"
	"fmt"
	"log"

	"github.com/sandkit/sandkit/image/registry"
	"github.com/sandkit/sandkit/sandbox"
)

// An image is pulled when it is not in the store. The next start takes it from
// there.
func ExampleWithRegistry() {
	client, err := registry.New(registry.Options{})
	if err != nil {
		log.Fatal(err)
	}
	out, err := sandbox.Output(context.Background(),
		sandbox.WithImage("debian:12"), sandbox.WithRegistry(client),
		sandbox.WithCommand("cat", "/etc/debian_version"),
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", out)
}
