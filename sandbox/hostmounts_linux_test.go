package sandbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// TestMountsOfTheHostAreCurrent: what is mounted between two sandboxes that
// follow each other closely is there in the second, what is unmounted is not.
func TestMountsOfTheHostAreCurrent(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	dir, other := t.TempDir(), t.TempDir()
	sub := filepath.Join(dir, "sub")
	if err := errors.Join(os.Mkdir(sub, 0o755), os.WriteFile(filepath.Join(other, "here"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	look := func() error {
		_, err := sandbox.Run(testContext(t), sandbox.WithMount(fs.BindRO(dir, "/d")), sandbox.WithCommand("test", "-e", "/d/sub/here"))
		return err
	}
	for range 10 {
		for range 3 { // so that launchers are parked
			if look() == nil {
				t.Fatal("what was unmounted is still there")
			}
		}
		if err := syscall.Mount(other, sub, "", syscall.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		if err := look(); err != nil {
			t.Errorf("what was mounted is not there: %v", err)
		}
		if err := syscall.Unmount(sub, 0); err != nil {
			t.Fatal(err)
		}
	}
}
