package rootfs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/internal/testutil/tarball"
)

var base = items{
	dir(".").WithMode(0o751).OwnedBy(3, 4),
	dir("etc"), file("etc/passwd", "root:x:0:0::/:/bin/sh\n"), file("etc/group", ""), dir("usr"), dir("usr/lib"), file("usr/lib/a", "a").WithMode(0o4755),
	symlink("lib", "usr/lib"), dir("tmp").WithMode(0o1777).OwnedBy(7, 7), dir("var"), dir("var/x").WithMode(0o700).OwnedBy(1, 2).WithXattr("user.v", "1"), file("var/x/1", "1"), file("var/x/2", "2"),
}

// stacks are layers over base.
var stacks = []struct {
	name   string
	layers []items
}{
	{"none", nil},
	{"described", []items{{dir("etc"), file("etc/passwd", "more\n"), dir("opt")}}},
	{"implicit parents", []items{{file("var/x/3", "3"), file("tmp/y", ""), file("new/deep/er", "")}}},
	{"symlinked parent", []items{{file("lib/x", "x")}, {file("lib/y", "y"), gone("lib/a")}}},
	{"whiteouts", []items{{gone("etc/passwd"), gone("var/x")}, {gone("not/there"), gone("never")}}},
	{"whiteout described", []items{{dir("etc"), gone("etc/passwd")}}},
	{"opaque", []items{{dir("var"), dir("var/x"), opaque("var/x"), file("var/x/4", "4")}}},
	{"opaque root", []items{{opaque("."), file("only", "")}}},
	{"hard link to a lower file", []items{{hard("etc/link", "etc/passwd")}, {hard("etc/link2", "etc/link")}}},
	{"hard link through a link", []items{{hard("b", "lib/a")}}},
	{"file becomes directory", []items{{dir("etc/passwd"), file("etc/passwd/x", "")}}},
	{"directory becomes file", []items{{file("etc", "")}}},
	{"below a link that goes", []items{{file("lib/x", "x"), dir("lib"), file("lib/y", "y")}, {file("etc/y", "y")}, {gone("etc/group"), gone("lib/y")}}},
	{"root changes", []items{{dir(".").WithMode(0o711)}, {file("a", "")}}},
	{"same layer again", []items{{file("etc/x", "1"), gone("etc/group")}, {dir("etc"), file("etc/x", "2"), file("etc/group", "back")}, {file("etc/x", "1"), gone("etc/group")}}},
	{"empty layers", []items{{}, {}}},
}

func TestStacks(t *testing.T) {
	eachBackend(t, func(t *testing.T, o Options) {
		for _, test := range stacks {
			t.Run(test.name, func(t *testing.T) {
				s := newStore(t, o)
				layers := append([]items{base}, test.layers...)
				img := addImage(t, s, "a", layers...)
				first := unpack(t, s, img, o)
				right(t, first, layers...)
				// Now everything is there: no blob is read.
				for i, l := range img.Layers() {
					corrupt(t, s, l.Descriptor(), i)
				}
				again := unpack(t, s, img, o)
				if fmt.Sprint(first) != fmt.Sprint(again) {
					t.Errorf("first %v, then %v", first, again)
				}
				nothingPartial(t, s)
			})
		}
	})
}

// TestNoLayers: an image may have none, or only empty ones.
func TestNoLayers(t *testing.T) {
	s := newStore(t)
	for name, layers := range map[string][]items{"none": nil, "one": {{}}} {
		stack := unpack(t, s, addImage(t, s, name, layers...), Options{})
		if len(stack.Layers) != len(layers) || stack.list(t) != "" || stack.Root.Mode != 0o755 {
			t.Errorf("%s: %+v", name, stack)
		}
	}
}

// TestSharing: what one stack makes of a layer is not what another one gets,
// whichever comes first.
func TestSharing(t *testing.T) {
	lone := items{file("lib/y", "y"), gone("x"), file("d/f", ""), hard("d/g", "d/f")}
	bases := [][]items{
		{{dir("lib").OwnedBy(5, 5), file("x", "x")}},
		{{dir("usr"), dir("usr/lib"), symlink("lib", "usr/lib"), file("x", "x")}},
		{{file("x", "x")}},
		{{file("other", "")}},
		{}, // it is the lowest itself: its chain id is its diffID
		{{file("x", "")}, {gone("x")}},
		{{file("lib", ""), file("x", "")}, {dir("lib")}},
	}
	eachBackend(t, func(t *testing.T, o Options) {
		for round := range len(bases) {
			s := newStore(t, o)
			order := rand.New(rand.NewPCG(uint64(round), 1)).Perm(len(bases))
			all := make([]*Stack, len(bases))
			for _, i := range order {
				all[i] = unpack(t, s, addImage(t, s, fmt.Sprint("i", i), append(bases[i], lone)...), o)
			}
			for i, stack := range all {
				right(t, stack, append(bases[i], lone)...)
			}
			if t.Failed() {
				t.Fatalf("in this order: %v", order)
			}
			nothingPartial(t, s)
		}
	})
}

// TestShared: a layer that fits is there once.
func TestShared(t *testing.T) {
	eachBackend(t, func(t *testing.T, o Options) {
		s := newStore(t, o)
		whiteout, plain := items{dir("etc"), gone("etc/group")}, items{dir("opt"), file("opt/a", "")}
		other := items{dir("etc"), file("etc/group", "here, too")}
		for i, layers := range [][]items{{base, whiteout, plain}, {other, whiteout, plain}, {plain, whiteout}, {plain, base, whiteout}} {
			right(t, unpack(t, s, addImage(t, s, fmt.Sprint("i", i), layers...), o), layers...)
		}
		// Nothing of base is missing in the third: that has its own.
		if got, want := keys(t, s), map[string]int{"": 3, "open": 1, "chain": 4}; !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

// TestRandomImages: many images of few layers, some of them twice, in one
// store, unpacked by several goroutines: each shows what its layers mean, also
// after all others came.
func TestRandomImages(t *testing.T) {
	eachBackend(t, func(t *testing.T, o Options) {
		compared, failed, loose := 0, 0, 0
		seeds := uint64(8)
		if testing.Short() {
			seeds = 2
		}
		for seed := range seeds {
			r := rand.New(rand.NewPCG(seed, 2))
			var files []string
			var pool []items
			for range 5 {
				pool = append(pool, tarball.Random(r, 6, &files))
			}
			s := newStore(t, o)
			lists := make([][]items, 24)
			all := make([]*Stack, len(lists))
			var workers sync.WaitGroup
			tokens := make(chan struct{}, 3)
			for i := range lists {
				for range 1 + r.IntN(4) {
					lists[i] = append(lists[i], pool[r.IntN(len(pool))])
				}
				img := addImage(t, s, fmt.Sprint("i", i), lists[i]...)
				lease := newLease(t, s)
				tokens <- struct{}{}
				workers.Go(func() {
					defer func() { <-tokens }()
					var err error
					if all[i], err = Unpack(t.Context(), lease, img, o); err != nil && !errors.Is(err, image.ErrInvalid) {
						t.Errorf("seed %d, image %d: %v\n%v", seed, i, err, lists[i])
					}
				})
			}
			workers.Wait()
			for i, layers := range lists {
				_, _, ok := flat(t, layers...)
				switch {
				case ok && all[i] == nil:
					t.Errorf("can be unpacked flat only: %v", layers)
				case !ok && all[i] != nil:
					loose++
				case !ok:
					failed++
				default:
					compared++
					right(t, all[i], layers...)
				}
				if t.Failed() {
					t.Fatalf("seed %d, image %d", seed, i)
				}
			}
			nothingPartial(t, s)
		}
		t.Logf("%d compared, %d not to be unpacked, %d not to be unpacked flat", compared, failed, loose)
		if compared < failed {
			t.Errorf("%d compared, %d not to be unpacked", compared, failed)
		}
	})
}

// TestManyLayers: as many as images have, and more.
func TestManyLayers(t *testing.T) {
	eachBackend(t, func(t *testing.T, o Options) {
		testutil.Unchanged(t)
		var layers []items
		for i := range 128 {
			layers = append(layers, items{dir("d"), file(fmt.Sprint("d/", i), fmt.Sprint(i)), file("d/same", fmt.Sprint(i)), gone(fmt.Sprint("d/", i-2)), file(fmt.Sprintf("i%d/%d", i%5, i), "")})
		}
		s := newStore(t, o)
		stack := unpack(t, s, addImage(t, s, "many", layers...), o)
		right(t, stack, layers...)
		if len(stack.Layers) != len(layers) {
			t.Errorf("%d layers", len(stack.Layers))
		}
	})
}

// TestNoPermission: an ordinary user may not look into all of their own
// directories.
func TestNoPermission(t *testing.T) {
	closed := items{dir("d").WithMode(0), file("d/x", "x"), file("d/y", "y"), dir("e").WithMode(0o300), dir("e/f"), file("e/f/g", "")}
	eachBackend(t, func(t *testing.T, o Options) {
		s := newStore(t, o)
		t.Cleanup(func() {
			_, err := s.Prune(context.Background(), true) // what others may not remove
			must(t, err)
		})
		for i, layers := range [][]items{{closed}, {closed, {gone("d/x"), file("e/f/h", "")}}, {closed, {gone("d/y")}, {gone("d/x")}}} {
			stack := unpack(t, s, addImage(t, s, fmt.Sprint("i", i), layers...), o)
			if testutil.IsRoot() {
				right(t, stack, layers...)
			} else if i > 0 && len(stack.Layers) != 1 {
				t.Errorf("%v", stack.Layers)
			}
		}
	})
}
