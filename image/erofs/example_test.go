package erofs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandkit/sandkit/image/erofs"
)

// Example writes an image to a file, and reads it again.
func Example() {
	if err := example(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// -rw-r--r-- 0 hello, "hello, world\n"
	// Lrwxrwxrwx 0 link
	// drwxr-xr-x 1000 sub
	// -rw-r--r-- 0 sub/again, "hello, world\n"
}

func example() (err error) {
	dir, err := os.MkdirTemp("", "erofs")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := os.OpenFile(filepath.Join(dir, "image"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()

	w := erofs.NewWriter(f, erofs.Options{})
	hello, err := w.File(erofs.Attr{Mode: 0o644}, strings.NewReader("hello, world\n"))
	if err != nil {
		return err
	}
	link, err := w.Symlink(erofs.Attr{Mode: 0o777}, "sub/again")
	if err != nil {
		return err
	}
	root, sub := w.Dir(), w.Dir()
	sub.SetAttr(erofs.Attr{Mode: 0o755, UID: 1000, GID: 1000})
	root.Add("hello", hello)
	root.Add("link", link)
	root.Add("sub", sub)
	sub.Add("again", hello) // a hard link
	if err := w.Finish(root); err != nil {
		return err
	}
	return show(f, w.Size())
}

func show(f *os.File, size int64) error {
	r, err := erofs.Open(f, size)
	if err != nil {
		return err
	}
	return fs.WalkDir(r, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		i, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Print(i.Mode(), " ", i.Sys().(*erofs.Stat).UID, " ", name)
		if i.Mode().IsRegular() {
			b, err := r.ReadFile(name)
			if err != nil {
				return err
			}
			fmt.Printf(", %q", b)
		}
		fmt.Println()
		return nil
	})
}
