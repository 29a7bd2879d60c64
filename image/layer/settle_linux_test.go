package layer

import (
	"os"
	"testing"
)

// stacked unpacks layers each for itself, settles them, and gives the tree
// that they show together.
func stacked(tb testing.TB, layers [][]item) (dirs []*os.File, names string) {
	tb.Helper()
	for _, l := range layers {
		d := newDir(tb)
		o := options(Options{})
		info := unpack(tb, d, archive(tb, l...), o)
		if _, err := Settle(d, dirs, info, o.Format); err != nil {
			tb.Fatal(err)
		}
		dirs = append(dirs, d)
	}
	return dirs, namesOf(tb, options(Options{}).Format, dirs...)
}

// TestWhiteoutMeetsDirectory: by way of a link, a layer takes away what it adds
// to.
func TestWhiteoutMeetsDirectory(t *testing.T) {
	lower, layer := newDir(t), newDir(t)
	unpack(t, lower, archive(t, symlink("c", "b"), file("b/c/z", "")), Options{})
	o := options(Options{})
	info := unpack(t, layer, archive(t, file("c/.wh.c", ""), dir("b/c/b")), o)
	_, err := Settle(layer, []*os.File{lower}, info, o.Format)
	failed(t, err, ErrConflict)
}
