package logs_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sandkit/sandkit/sandbox/logs"
)

func ExampleReadJSONFile() {
	dir, err := os.MkdirTemp("", "logs-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir) //nolint:errcheck // an example
	path := filepath.Join(dir, "web.log")
	d, err := logs.OpenJSONFile(path, logs.JSONFileOptions{MaxSize: 10 << 20, MaxFiles: 3, Compress: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		defer d.Close() // ends those who follow
		out := logs.NewWriter(d, logs.Stdout, time.Now)
		for i := range 3 {
			fmt.Fprintln(out, "request", i)
		}
	}()
	// In this or any other process:
	for e, err := range logs.ReadJSONFile(context.Background(), path, logs.Options{Tail: -1, Follow: true}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(string(e.Line))
	}
	// Output:
	// request 0
	// request 1
	// request 2
}
