package layer_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
)

// A layer with one file is unpacked to a fresh directory.
func ExampleApply() {
	var blob bytes.Buffer
	w := tar.NewWriter(&blob)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "etc/motd", Mode: 0o644, Size: 6}); err != nil {
		slog.Error(err.Error())
	}
	fmt.Fprintln(w, "hello")
	w.Close()
	path, err := os.MkdirTemp("", "layer")
	if err != nil {
		slog.Error(err.Error())
		return
	}
	defer func() { _ = os.RemoveAll(path) }()
	dir, err := os.Open(path)
	if err != nil {
		slog.Error(err.Error())
		return
	}
	defer dir.Close()

	info, err := layer.Apply(context.Background(), dir, &blob, layer.Options{
		Layer:    image.Describe(image.MediaTypeOCILayer, blob.Bytes()),
		Rootless: os.Geteuid() != 0,
	})
	if err != nil {
		slog.Error(err.Error())
		return
	}
	text, err := os.ReadFile(path + "/etc/motd")
	fmt.Printf("%d entry, implicit: %v\n%s", info.Entries, info.Implicit, text)
	fmt.Println(err)
	// Output:
	// 1 entry, implicit: [etc]
	// hello
	// <nil>
}
