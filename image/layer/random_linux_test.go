package layer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
)

// randomLayer makes entries of all kinds on few names, so that they meet.
func randomLayer(r *rand.Rand, files *[]string) []item {
	parent := func() string {
		return strings.Repeat(string("abc"[r.IntN(3)])+"/", r.IntN(2)) + strings.Repeat(string("abc"[r.IntN(3)])+"/", r.IntN(2))
	}
	leaf := func() string { return string("xyz"[r.IntN(3)]) }
	// A layer that links to what it takes away is up to its order, which one
	// that is on its own forgets.
	kinds := []int{0, 1, 2, 3, 4, 5, 6, 7, 7, 11}
	if r.IntN(2) == 0 {
		kinds = []int{0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11}
	}
	var items []item
	for range 1 + r.IntN(8) {
		var i item
		switch p := parent(); kinds[r.IntN(len(kinds))] {
		case 0, 1, 2, 3:
			i = file(p+leaf(), fmt.Sprint(r.IntN(1000)))
			*files = append(*files, i.Name)
		case 4, 5:
			i = dir(p + string("abc"[r.IntN(3)]))
		case 6:
			i = symlink(p+string("abcx"[r.IntN(4)]), []string{"", "/", "../"}[r.IntN(3)]+string("abc"[r.IntN(3)]))
		case 7:
			if len(*files) == 0 {
				continue
			}
			i = hard(p+leaf(), (*files)[r.IntN(len(*files))])
		case 8, 9:
			i = file(p+".wh."+string("abcxyz"[r.IntN(6)]), "")
		case 10:
			i = file(p+".wh..wh..opq", "")
		case 11:
			i = dir(leaf())
		}
		if i.Typeflag != '1' {
			i = i.mode(0o700|int64(r.IntN(64))).owner(r.Int64N(3), r.Int64N(3))
			i.ModTime = i.ModTime.AddDate(0, 0, r.IntN(1000))
		}
		items = append(items, i)
	}
	return items
}

// TestRandomLayers: layers that are unpacked one after the other and layers
// that are unpacked each for itself and settled give the same tree. Where one
// way says that the layers are malformed, the other may not be asked.
func TestRandomLayers(t *testing.T) {
	rounds := 150
	same := 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 1))
		var files []string
		layers := [][]item{randomLayer(r, &files), randomLayer(r, &files), randomLayer(r, &files)}
		flat := newDir(t)
		if !applyAll(t, flat, layers) {
			continue
		}
		stack, ok := settleAll(t, layers)
		if !ok {
			continue
		}
		same++
		want := withoutLinks(listing(t, Flat, flat))
		got := withoutLinks(listing(t, options(Options{}).Format, stack...))
		if got != want {
			t.Fatalf("seed %d:\n%s\nflat:\n%s\noverlay:\n%s", seed, describe(layers), want, got)
		}
	}
	if same < rounds/4 {
		t.Errorf("only %d of %d were compared", same, rounds)
	}
}

// withoutLinks leaves out which names are the same file: a copy in an upper
// layer leaves the other names in a lower one behind, as overlayfs does.
func withoutLinks(listing string) string {
	lines := strings.Split(listing, "\n")
	for i, l := range lines {
		if at := strings.LastIndex(l, ` = "`); at >= 0 {
			lines[i] = l[:at]
		}
		if !testutil.IsRoot() && strings.Contains(l, " symlink ") {
			lines[i] = strings.Join(strings.SplitN(l, " ", 2), " ")
		}
	}
	return strings.Join(lines, "\n")
}

func applyAll(t *testing.T, d *os.File, layers [][]item) bool {
	for _, l := range layers {
		if _, err := Apply(t.Context(), d, strings.NewReader(string(archive(t, l...))), options(Options{Format: Flat})); err != nil {
			failed(t, err, image.ErrInvalid)
			return false
		}
	}
	return true
}

func settleAll(t *testing.T, layers [][]item) (stack []*os.File, ok bool) {
	for _, l := range layers {
		d := newDir(t)
		o := options(Options{})
		info, err := Apply(t.Context(), d, strings.NewReader(string(archive(t, l...))), o)
		if err == nil {
			err = settleAsForeseen(t, d, stack, info, o.Format)
		}
		if err != nil {
			t.Logf("%v", err)
			return nil, false
		}
		stack = append(stack, d)
	}
	return stack, true
}

// settleAsForeseen settles a layer, and checks that Fits knew what would happen.
func settleAsForeseen(t *testing.T, d *os.File, stack []*os.File, info *Info, format Format) error {
	t.Helper()
	before := listing(t, format, d)
	fits, err := Fits(d, stack, info, format)
	if after := listing(t, format, d); err == nil && after != before {
		t.Errorf("Fits has changed\n%s\nto\n%s", before, after)
	}
	changed, settleErr := Settle(d, stack, info, format)
	if settleErr == nil && (err != nil || fits == changed) || settleErr != nil && fits {
		t.Errorf("Fits: %v, %v; Settle: changed %v, %v", fits, err, changed, settleErr)
	}
	return settleErr
}

func describe(layers [][]item) string {
	var b strings.Builder
	for i, l := range layers {
		for _, e := range l {
			fmt.Fprintf(&b, "%d: %c %s %s %o %d:%d\n", i, e.Typeflag, e.Name, e.Linkname, e.Mode, e.Uid, e.Gid)
		}
	}
	return b.String()
}

// TestNothingStaysOpen: neither descriptors nor goroutines, also after errors.
func TestNothingStaysOpen(t *testing.T) {
	testutil.Unchanged(t)
	r := rand.New(rand.NewPCG(7, 7))
	var files []string
	layers := [][]item{randomLayer(r, &files), randomLayer(r, &files), {dir("d"), file("d", ""), hard("h", "none")}}
	applyAll(t, newDir(t), layers)
	stack, _ := settleAll(t, layers)
	for _, d := range stack {
		var b strings.Builder
		if _, err := Diff(t.Context(), &b, d, stack, DiffOptions{Format: options(Options{}).Format}); err != nil {
			t.Log(err)
		}
	}
	raw := string(archive(t, file(strings.Repeat("d/", 100)+"f", strings.Repeat("x", 4<<20)), file("../x", "")))
	if _, err := Apply(t.Context(), newDir(t), strings.NewReader(raw), options(Options{})); err == nil {
		t.Error("no error")
	}
}
