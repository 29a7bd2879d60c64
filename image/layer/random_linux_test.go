package layer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/internal/testutil/tarball"
)

// A randomStack are random layers that make a tree.
type randomStack struct {
	seed   uint64
	layers [][]item
	flat   string // the tree that comes of unpacking one after the other
}

// randomStacks makes stacks of three layers, and leaves out those that are
// malformed: where one way says so, the others may not be asked.
func randomStacks(t *testing.T, rounds, kind uint64, f func(r randomStack)) {
	t.Helper()
	for seed := range rounds {
		r := rand.New(rand.NewPCG(seed, kind))
		var files []string
		layers := [][]item{tarball.Random(r, 8, &files), tarball.Random(r, 8, &files), tarball.Random(r, 8, &files)}
		flat := newDir(t)
		if applyAll(t, flat, layers) {
			f(randomStack{seed, layers, withoutLinks(listing(t, Flat, flat))})
		}
	}
}

// compare checks what a stack shows.
func (r *randomStack) compare(t *testing.T, how, got string) {
	t.Helper()
	if got != r.flat {
		t.Fatalf("seed %d:\n%s\nflat:\n%s\n%s:\n%s", r.seed, describe(r.layers), r.flat, how, got)
	}
}

// TestRandomLayers: layers that are unpacked one after the other and layers
// that are unpacked each for itself, in either form, and settled give the same
// tree.
func TestRandomLayers(t *testing.T) {
	const rounds = 150
	same := 0
	randomStacks(t, rounds, 1, func(r randomStack) {
		dirs, ok := settleAll(t, toDir, r.layers)
		images, okImages := settleAll(t, toImage, r.layers)
		if ok != okImages {
			t.Fatalf("seed %d: directories: %t, images: %t:\n%s", r.seed, ok, okImages, describe(r.layers))
		}
		if !ok {
			return
		}
		same++
		r.compare(t, "directories", withoutLinks(listing(t, toDir.format(), dirs...)))
		if testutil.IsRoot() { // flat needs what it has not otherwise
			r.compare(t, "images", withoutLinks(listing(t, OverlayTrusted, images...)))
		}
		sameLayers(t, dirs, images)
	})
	if same < rounds/4 {
		t.Errorf("only %d of %d were compared", same, rounds)
	}
}

// withoutLinks leaves out which names are the same file: a copy in an upper
// layer leaves the other names in a lower one behind, as overlayfs does.
func withoutLinks(listing string) string {
	lines := strings.Split(listing, "\n")
	for i, l := range lines {
		if before, link, ok := strings.Cut(l, ` = "`); ok {
			quoted, _ := strconv.QuotedPrefix(`"` + link)
			l = before + link[len(quoted)-1:]
			lines[i] = l
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

func settleAll(t *testing.T, b backEnd, layers [][]item) (stack []*os.File, ok bool) {
	t.Helper()
	stack, err := b.stack(t, layers)
	if err != nil {
		t.Logf("%s: %v", b, err)
	}
	return stack, err == nil
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
	layers := [][]item{tarball.Random(r, 8, &files), tarball.Random(r, 8, &files), {dir("d"), file("d", ""), hard("h", "none")}}
	applyAll(t, newDir(t), layers)
	stack, _ := settleAll(t, toDir, layers)
	settleAll(t, toImage, layers)
	for _, d := range stack {
		var b strings.Builder
		if _, err := Diff(t.Context(), &b, d, stack, DiffOptions{Format: options(Options{}).Format}); err != nil {
			t.Log(err)
		}
	}
	raw := string(archive(t, file(strings.Repeat("d/", 100)+"f", strings.Repeat("x", 4<<20)), file("../x", "")))
	for _, b := range backEnds {
		if _, err := b.apply(t, strings.NewReader(raw), Options{}); err == nil {
			t.Errorf("%s: no error", b)
		}
	}
}
