package layer

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// TestExtract: a copy has all that a mount of the layers would show.
func TestExtract(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	layers := append([][]item{{
		dir("v"), dir("v/d").OwnedBy(5, 6), file("v/d/f", "content").OwnedBy(3, 4).WithXattr("user.x", "1"), hard("v/h", "v/d/f"),
		symlink("v/l", "../etc"), fifo("v/p"), file("v/gone", "x"), symlink("to", "/v"), symlink("abs", "/to/d"),
	}, {file("v/.wh.gone", ""), file("v/added", "a")}}, base...)
	lowers, _ := toDir.stacked(t, layers)
	images, _ := toImage.stacked(t, layers)
	sub := func(all, dir string) string {
		var b strings.Builder
		for line := range strings.Lines(all) {
			if rest, ok := strings.CutPrefix(line, `"`+dir+`/`); ok {
				b.WriteString(strings.ReplaceAll(`"`+rest, `= "`+dir+`/`, `= "`))
			}
		}
		return b.String()
	}
	whole := listing(t, OverlayTrusted, lowers...)
	for path, real := range map[string]string{"/v": "v", "to": "v", "/abs/": "v/d", "/var/x": "var/x", "/v/d/../../usr/./lib": "usr/lib"} {
		for _, l := range [][]*os.File{lowers, images} {
			dst := newDir(t)
			if err := Extract(t.Context(), dst, l, path, ExtractOptions{}); err != nil {
				t.Fatal(err)
			}
			if got, want := listing(t, Flat, dst), sub(whole, real); got != want || got == "" {
				t.Errorf("%s:\n%s\nwant\n%s", path, got, want)
			}
		}
	}
	dst := newDir(t)
	for path, want := range map[string]error{
		"/none": syscall.ENOENT, "/v/gone": syscall.ENOENT, "/v/added": syscall.ENOTDIR, "/v/added/x": syscall.ENOTDIR, "/": syscall.ENOENT,
	} {
		if err := Extract(t.Context(), dst, lowers, path, ExtractOptions{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Extract(ctx, dst, lowers, "/v", ExtractOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
