package plugin_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/plugin"
)

// Hosts leave these calls to go-plugin, to which they give New in
// ClientConfig.RunnerFunc.
func ExampleRunner() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "plugin-dir")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Println(err)
		}
	}()
	cmd := exec.Command("/bin/sh", "-c", `echo "1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/plugin1|grpc"`)
	r, err := plugin.New(cmd, dir, sandbox.WithHostname("plugin"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := r.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	line, err := io.ReadAll(r.Stdout())
	fmt.Printf("%s%v\n", line, err)
	fmt.Println(r.Wait(ctx))
	// Output:
	// 1|1|unix|/run/plugin/p/plugin1|grpc
	// <nil>
	// <nil>
}
