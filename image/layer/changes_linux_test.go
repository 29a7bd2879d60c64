package layer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/internal/testutil"
)

// walkTree lists a tree as the kernel shows it, with what tells files apart.
func walkTree(t *testing.T, f *os.File) map[string]string {
	t.Helper()
	all := make(map[string]string)
	list, err := Tree(Flat, f)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		path := string(e.Path)
		e.Link = "" // which name is the first one is no property of a file
		all[path] = e.String()
	}
	return all
}

// TestChangesOverlay: what is listed after changes of a real overlay is what a
// comparison of the trees before and after shows.
func TestChangesOverlay(t *testing.T) {
	testutil.NeedRoot(t)
	lowers, _ := toDir.stacked(t, base)
	images, _ := toImage.stacked(t, base)
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			merged, upper := mountOverlay(t, lowers)
			m, err := os.Open(merged)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			before := walkTree(t, m)
			if err := change(merged); err != nil {
				t.Fatal(err)
			}
			want := compareTrees(before, walkTree(t, m))
			if name == "hard links" { // the file was copied to have another name
				want = slices.Insert(want, 1, "C /etc/passwd")
			}
			for _, l := range [][]*os.File{lowers, images} {
				list, err := Changes(t.Context(), upper, l, ChangesOptions{})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, c := range list {
					got = append(got, c.String())
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// compareTrees is a plain comparison; of what was deleted it names the top.
func compareTrees(before, after map[string]string) []string {
	var all []string
	for p, was := range before {
		is, there := after[p]
		above := strings.Contains(after[filepath.Dir(p)], `" dir `)
		switch {
		case there && is != was:
			all = append(all, "C /"+p)
		case !there && (above || filepath.Dir(p) == "."):
			all = append(all, "D /"+p)
		}
	}
	for _, line := range all {
		for p := filepath.Dir(line[3:]); p != "."; p = filepath.Dir(p) {
			all = append(all, "C /"+p) // what is above a change was changed
		}
	}
	for p := range after {
		if _, there := before[p]; !there {
			all = append(all, "A /"+p)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return strings.Compare(a[2:], b[2:]) })
	return slices.Compact(all)
}
