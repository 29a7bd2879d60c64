package transfer

import (
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// newRoot makes a root, and a directory beside it that nobody may touch.
func newRoot(t testing.TB, lines ...string) (dir string, root *os.File) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	testutil.Tree(t, dir, lines...)
	return dir, opened(t, dir)
}

func opened(t testing.TB, dir string) *os.File {
	t.Helper()
	root, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// own maps user and group 0 inside to whom the test runs as.
func own() IDs {
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	to := func(from, to uint32) func(uint32) (uint32, bool) {
		return func(id uint32) (uint32, bool) { return to, id == from }
	}
	return IDs{Outside: IDMap{to(0, uid), to(0, gid)}, Inside: IDMap{to(uid, 0), to(gid, 0)}}
}

// list shows a tree: "d a 755", "f a/b 644 content", "l a/l ../x".
func list(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(p string, d iofs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, info := strings.TrimPrefix(p, dir+"/"), must(d.Info())
		switch mode := modeBits(info.Mode()); info.Mode().Type() {
		case iofs.ModeDir:
			fmt.Fprintf(&b, "d %s %o\n", rel, mode)
		case iofs.ModeSymlink:
			fmt.Fprintf(&b, "l %s %s\n", rel, must(os.Readlink(p)))
		case iofs.ModeNamedPipe:
			fmt.Fprintf(&b, "p %s %o\n", rel, mode)
		case 0:
			content := must(os.ReadFile(p))
			links := ""
			if n := info.Sys().(*syscall.Stat_t).Nlink; n > 1 {
				links = fmt.Sprintf(" links=%d", n)
			}
			fmt.Fprintf(&b, "f %s %o %s%s\n", rel, mode, content, links)
		default:
			fmt.Fprintf(&b, "? %s %v\n", rel, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func want(t testing.TB, dir string, lines ...string) {
	t.Helper()
	if got, want := list(t, dir), strings.Join(lines, "\n")+"\n"; got != want && got+"\n" != want {
		t.Errorf("there is\n%swant\n%s", got, want)
	}
}
