package transfer_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"testing/fstest"

	"github.com/sandkit/sandkit/internal/transfer"
)

// rootOf opens a new directory, whose user 0 is who runs this.
func rootOf() (root *os.File, ids transfer.IDs, remove func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	if root, err = os.Open(dir); err != nil {
		panic(err)
	}
	to := func(id int) func(uint32) (uint32, bool) {
		return func(uint32) (uint32, bool) { return uint32(id), true }
	}
	ids.Outside = transfer.IDMap{UID: to(os.Getuid()), GID: to(os.Getgid())}
	ids.Inside = transfer.IDMap{UID: to(0), GID: to(0)}
	return root, ids, func() { root.Close(); _ = os.RemoveAll(dir) }
}

func ExampleCopyIn() {
	root, ids, remove := rootOf()
	defer remove()
	src := fstest.MapFS{"app/config": {Data: []byte("debug = true"), Mode: 0o644}}
	err := transfer.CopyIn(context.Background(), root, "/srv", src, transfer.CopyOptions{IDs: ids, Source: "app"})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := transfer.NewFS(root, ids).ReadFile("srv/config")
	fmt.Printf("%s %v\n", b, err)
	// Output: debug = true <nil>
}

func ExampleCopyOut() {
	root, ids, remove := rootOf()
	defer remove()
	src := fstest.MapFS{"log/a": {Data: []byte("1"), Mode: 0o600}, "log/b": {Data: []byte("a"), Mode: 0o777 | os.ModeSymlink}}
	if err := transfer.CopyIn(context.Background(), root, "/", src, transfer.CopyOptions{IDs: ids}); err != nil {
		fmt.Println(err)
		return
	}
	var b bytes.Buffer
	if err := transfer.CopyOut(context.Background(), root, "/log", &b, transfer.OutOptions{IDs: ids}); err != nil {
		fmt.Println(err)
		return
	}
	for tr := tar.NewReader(&b); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return
		}
		fmt.Println(h.Name, h.FileInfo().Mode())
	}
	// Output:
	// log/ dr-xr-xr-x
	// log/a -rw-------
	// log/b Lrwxrwxrwx
}
