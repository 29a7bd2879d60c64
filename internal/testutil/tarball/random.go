package tarball

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Random makes at most so many entries of all kinds on few names, so that they
// meet. Links lead to files, which grows with those that are made.
func Random(r *rand.Rand, most int, files *[]string) []Entry {
	dirs := func() string {
		return strings.Repeat(string("abc"[r.IntN(3)])+"/", r.IntN(2)) + strings.Repeat(string("abc"[r.IntN(3)])+"/", r.IntN(2))
	}
	leaf := func() string { return string("xyz"[r.IntN(3)]) }
	// A layer that links to what it takes away is up to its order, which one
	// that is on its own forgets.
	kinds := []int{0, 1, 2, 3, 4, 5, 6, 7, 7, 11}
	if r.IntN(2) == 0 {
		kinds = []int{0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11}
	}
	var all []Entry
	for range 1 + r.IntN(most) {
		var e Entry
		switch p := dirs(); kinds[r.IntN(len(kinds))] {
		case 0, 1, 2, 3:
			e = File(p+leaf(), fmt.Sprint(r.IntN(1000)))
			*files = append(*files, e.Name)
		case 4, 5:
			e = Dir(p + string("abc"[r.IntN(3)]))
		case 6:
			e = Symlink(p+string("abcx"[r.IntN(4)]), []string{"", "/", "../"}[r.IntN(3)]+string("abc"[r.IntN(3)]))
		case 7:
			if len(*files) == 0 {
				continue
			}
			e = Hard(p+leaf(), (*files)[r.IntN(len(*files))])
		case 8, 9:
			e = Gone(p + string("abcxyz"[r.IntN(6)]))
		case 10:
			e = Opaque(p)
		case 11:
			e = Dir(leaf())
		}
		if e.Typeflag != '1' {
			e = e.WithMode(0o700|int64(r.IntN(64))).OwnedBy(r.Int64N(3), r.Int64N(3))
			e.ModTime = e.ModTime.AddDate(0, 0, r.IntN(1000))
		}
		all = append(all, e)
	}
	return all
}
