package sandbox_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

func ExampleWithDetach() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is in the temporary directory
	store, err := state.Open(filepath.Join(dir, "state"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	s, err := sandbox.New(sandbox.WithName("worker"), sandbox.WithState(store), sandbox.WithDetach(),
		sandbox.WithLogs(sandbox.Logs{Driver: sandbox.LogJSONFile, Path: filepath.Join(dir, "log")}),
		sandbox.WithCommand("sh", "-c", "echo working; sleep 1000"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	s.Close() // lets go of it; this program may end now

	// In any other program:
	w, err := sandbox.Open(ctx, store, "worker")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()
	for e, err := range w.Logs(ctx, sandbox.LogOptions{Tail: -1, Follow: true}) {
		fmt.Printf("%s%v\n", e.Line, err)
		break
	}
	if err := w.Stop(ctx); err != nil {
		fmt.Println(err)
	}
	v, err := store.Lookup("worker")
	fmt.Println(v.Status.State, v.Status.ExitCode, err)
	fmt.Println(w.Remove(ctx))
	// Output:
	// working
	// <nil>
	// exited 143 <nil>
	// <nil>
}
