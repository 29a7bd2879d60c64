package layer

import (
	"os"
	"strings"
	"testing"
)

// TestCopyUp: a hard link to a file below is that file, whatever it is.
func TestCopyUp(t *testing.T) {
	layers := [][]item{
		{
			file("f", "content").WithMode(0o6755).OwnedBy(3, 4).WithXattr("user.a", "1"), symlink("s", "none").OwnedBy(5, 6),
			fifo("p").WithMode(0o666).OwnedBy(7, 8), char("c", 1, 3).WithMode(0o666),
		},
		{hard("d/f", "f"), hard("d/s", "s"), hard("d/p", "p"), hard("d/c", "c")},
	}
	stacks := make(map[backEnd][]*os.File)
	for _, b := range backEnds {
		items := layers
		if !b.full() { // it has no devices
			items = [][]item{layers[0][:3], layers[1][:3]}
		}
		stack, _ := b.stacked(t, items)
		stacks[b] = stack
		entries := make(map[Path]Entry)
		for _, e := range entriesOf(t, b.format(), stack...) {
			entries[e.Path] = e
		}
		for _, i := range items[0] {
			e, copied := entries[Path(i.Name)], entries[Path("d/"+i.Name)]
			copied.Path = e.Path
			if got, want := withoutLinks(copied.String()), withoutLinks(e.String()); got != want || !strings.HasPrefix(copied.Type, e.Type) {
				t.Errorf("%s: %s, want %s", b, got, want)
			}
		}
	}
	sameLayers(t, stacks[toDir], stacks[toImage])
}
