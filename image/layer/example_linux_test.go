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

// A layer becomes an image that Linux 6.12 and newer mounts from the file.
func ExampleStage() {
	var blob bytes.Buffer
	w := tar.NewWriter(&blob)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "etc/motd", Mode: 0o644, Size: 6}); err != nil {
		slog.Error(err.Error())
	}
	fmt.Fprintln(w, "hello")
	w.Close()
	file, err := os.CreateTemp("", "layer")
	if err != nil {
		slog.Error(err.Error())
		return
	}
	defer func() { _ = os.Remove(file.Name()) }()
	defer file.Close()

	staged, err := layer.Stage(context.Background(), file, &blob, layer.Options{})
	if err != nil {
		slog.Error(err.Error())
		return
	}
	changed, err := staged.Settle(nil) // it is the lowest layer
	if err == nil {
		err = staged.Finish()
	}
	if err != nil {
		slog.Error(err.Error())
		return
	}
	entries, err := layer.Tree(layer.OverlayTrusted, file)
	fmt.Println(changed, len(entries), entries[0].Path, entries[1].Path, err)
	// Output: false 2 etc etc/motd <nil>
}
