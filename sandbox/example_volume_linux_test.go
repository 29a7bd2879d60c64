package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/volume"
)

// What one sandbox leaves in a volume the next one finds.
func ExampleWithVolumeStore() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := volume.Open(filepath.Join(dir, "volumes"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() {
		if err := errors.Join(store.Close(), os.RemoveAll(dir)); err != nil {
			fmt.Println(err)
		}
	}()
	data := sandbox.Options(sandbox.WithVolumeStore(store), sandbox.WithMount(fs.Volume("data", "/data")))
	for _, script := range []string{"echo hello > /data/greeting", "cat /data/greeting"} {
		out, err := sandbox.Output(ctx, data, sandbox.WithCommand("sh", "-c", script))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(string(out))
	}
	fmt.Println(store.Remove(ctx, "data", volume.RemoveOptions{}))
	// Output:
	// hello
	// <nil>
}

func ExampleSandbox_Diff() {
	ctx := context.Background()
	root, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(root) }()
	// A root of the host's programs, mounted into an empty directory.
	opts := []sandbox.Option{sandbox.WithRootfs(root), sandbox.WithCommand("sh", "-c", "mkdir /work; echo x > /work/file")}
	for _, dir := range []string{"/usr", "/bin", "/lib", "/lib64"} {
		if _, err := os.Stat(dir); err == nil {
			m := fs.BindRO(dir, dir)
			m.HostOwners = true // nobody looks at them
			opts = append(opts, sandbox.WithMount(m))
		}
	}
	s, err := sandbox.New(opts...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := s.Wait(ctx); err != nil {
		fmt.Println(err)
		return
	}
	changes, err := s.Diff(ctx)
	for _, c := range changes {
		fmt.Println(c)
	}
	fmt.Println(err)
	// Output:
	// A /work
	// A /work/file
	// <nil>
}
