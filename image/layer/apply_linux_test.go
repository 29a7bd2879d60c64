package layer

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil/tarball"
)

// TestApply unpacks layers one after the other into the same directory, and
// each for itself with the overlay's rules on top: the names are the same.
func TestApply(t *testing.T) {
	for name, c := range map[string]struct {
		layers [][]item
		want   string
	}{
		"types": {
			[][]item{{dir("d"), file("d/f", "x"), symlink("l", "d/f"), fifo("p"), hard("h", "d/f")}},
			"d/ d/f h=d/f l->d/f p:fifo",
		},
		"absolute, ./, //, /. and ..": {
			[][]item{{file("/abs", ""), file("./dot", ""), file("a//b", ""), file("a/./c", ""), file("a/x/../d", "")}},
			"a/ a/b a/c a/d abs dot",
		},
		"the last duplicate wins": {
			[][]item{{file("f", "1"), file("f", "2"), symlink("g", "f"), file("g", "3"), file("h", ""), symlink("h", "x")}},
			"f g h->x",
		},
		"types replace each other": {
			[][]item{
				{dir("d"), file("d/x", ""), file("f", ""), symlink("s", "d"), dir("e"), file("e/x", "")},
				{file("d", ""), dir("f"), file("f/y", ""), dir("s"), symlink("e", "d")},
			},
			"d e->d f/ f/y s/",
		},
		"types replace each other in one layer": {
			[][]item{{dir("d"), file("d/x", ""), file("d", ""), dir("d"), file("d/y", "")}, {}},
			"d/ d/y",
		},
		"a directory after a file hides what is below": {
			[][]item{{file("d/low", "")}, {file("d", ""), dir("d"), file("d/y", "")}},
			"d/ d/y",
		},
		"whiteouts": {
			[][]item{{file("a", ""), file("d/x", ""), file("d/y", ""), file("e/z", "")}, {file(".wh.a", ""), file("d/.wh.x", ""), file(".wh.e", ""), file(".wh.none", "")}},
			"d/ d/y",
		},
		"a whiteout after what the layer adds": {
			[][]item{{file("a", ""), file("d/low", "")}, {file("a", ""), file(".wh.a", ""), dir("d"), file("d/new", ""), file(".wh.d", "")}},
			"a d/ d/new",
		},
		"a whiteout before what the layer adds": {
			[][]item{{file("a", ""), file("d/low", "")}, {file(".wh.a", ""), file("a", ""), file(".wh.d", ""), dir("d"), file("d/new", "")}},
			"a d/ d/new",
		},
		"an opaque directory": {
			[][]item{{file("d/low", ""), file("d/e/low", "")}, {dir("d"), file("d/.wh..wh..opq", ""), file("d/e/new", "")}},
			"d/ d/e/ d/e/new",
		},
		"an opaque directory after its content": {
			[][]item{{file("d/low", ""), file("d/e/low", "")}, {dir("d"), file("d/e/new", ""), file("d/.wh..wh..opq", "")}},
			"d/ d/e/ d/e/new",
		},
		"an opaque root": {
			[][]item{{file("low", "")}, {file("new", ""), file(".wh..wh..opq", "")}},
			"new",
		},
		"overlayfs's own whiteout": {
			[][]item{{file("a", ""), file("b", "")}, {char("a", 0, 0)}},
			"b",
		},
		"a whiteout in a directory that is not there": {
			[][]item{{file("a", "")}, {file("none/.wh.x", "")}},
			"a",
		},
		"AUFS's files": {
			[][]item{{file(".wh..wh.aufs", ""), dir(".wh..wh.plnk"), file(".wh..wh.plnk/1.2", ""), file("a", "")}},
			"a",
		},
		"links as parents": {
			[][]item{{dir("usr"), symlink("lib", "usr/lib"), file("lib/a", ""), symlink("up", "../../.."), file("up/b", ""), symlink("abs", "/usr"), file("abs/c", "")}},
			"abs->/usr b lib->usr/lib up->../../.. usr/ usr/c usr/lib/ usr/lib/a",
		},
		"whiteouts through links": {
			[][]item{{file("usr/a", ""), file("usr/b", "")}, {dir("usr"), symlink("l", "usr"), file("l/.wh.a", "")}},
			"l->usr usr/ usr/b",
		},
		"hard links": {
			[][]item{{file("a", "x"), hard("d/b", "a"), hard("e/c", "/d/b"), symlink("s", "none"), hard("t", "s")}},
			"a d/ d/b=a e/ e/c=a s->none t->none",
		},
		"hard links before their target": {
			[][]item{{hard("b", "z"), hard("c", "b"), file("z", "x")}},
			"b c=b z=b",
		},
		"a hard link to itself": {
			[][]item{{file("a", "x"), hard("a", "a"), hard("a", "./a")}},
			"a",
		},
		"a hard link to a file below, names on the way to which are others here": {
			[][]item{{file("a/b/c", "x")}, {file("b", ""), file("c", ""), dir("d"), hard("d/h", "a/b/c")}},
			"a/ a/b/ a/b/c b c d/ d/h=a/b/c",
		},
		"an empty layer":     {[][]item{{file("a", "")}, {}}, "a"},
		"non-UTF-8":          {[][]item{{file("\xff\xfe/\x80\n", "")}}, "\xff\xfe/ \xff\xfe/\x80\n"},
		"long names":         {[][]item{{file(strings.Repeat("n", 255), "")}}, strings.Repeat("n", 255)},
		"names like options": {[][]item{{file("-rf", ""), file("a b", ""), file(".whx", "")}}, "-rf .whx a b"},
	} {
		t.Run(name, func(t *testing.T) {
			flat := newDir(t)
			for _, l := range c.layers {
				unpack(t, flat, archive(t, l...), Options{Format: Flat})
			}
			if got := namesOf(t, Flat, flat); got != c.want {
				t.Errorf("flat:    %s\nwant:    %s", got, c.want)
			}
			stacks := make(map[backEnd][]*os.File)
			for _, b := range backEnds {
				stack, got := b.stacked(t, c.layers)
				if got != c.want {
					t.Errorf("%s: %s\nwant:    %s", b, got, c.want)
				}
				stacks[b] = stack
			}
			sameLayers(t, stacks[toDir], stacks[toImage])
		})
	}
}

// TestRejected: what is no layer.
func TestRejected(t *testing.T) {
	deep := strings.Repeat("d/", 1025)
	for name, c := range map[string]struct {
		items []item
		want  error
	}{
		"..":                         {[]item{file("../evil", "")}, ErrEscapes},
		"a/../../x":                  {[]item{file("a/../../evil", "")}, ErrEscapes},
		"hard link out":              {[]item{hard("h", "../etc/passwd")}, ErrEscapes},
		".wh.":                       {[]item{file(".wh.", "")}, image.ErrInvalid},
		".wh..":                      {[]item{file("d/.wh..", "")}, image.ErrInvalid},
		".wh...":                     {[]item{file("d/.wh...", "")}, image.ErrInvalid},
		"whiteout with a child":      {[]item{file(".wh.a/b", "")}, image.ErrInvalid},
		"file as a parent":           {[]item{file("a", ""), file("a/b", "")}, syscall.ENOTDIR},
		"hard link to a directory":   {[]item{dir("d"), hard("h", "d")}, syscall.EPERM},
		"hard link to the root":      {[]item{hard("h", "/")}, syscall.EPERM},
		"links in a circle":          {[]item{symlink("a", "b"), symlink("b", "a"), file("a/x", "")}, syscall.ELOOP},
		"a link to nothing":          {[]item{tarball.Raw('2', "l", 0o777)}, image.ErrInvalid},
		"a link's long target":       {[]item{symlink("l", strings.Repeat("x", 4096))}, image.ErrInvalid},
		"the root as a file":         {[]item{file("./", "")}, nil},
		"a name of 256":              {[]item{file(strings.Repeat("n", 256), "")}, image.ErrTooLarge},
		"a path too deep":            {[]item{file(deep+"f", "")}, image.ErrTooLarge},
		"unknown type":               {[]item{tarball.Raw('V', "volume", 0)}, image.ErrInvalid},
		"negative uid":               {[]item{file("f", "").OwnedBy(-1, 0)}, image.ErrInvalid},
		"uid that means no change":   {[]item{file("f", "").OwnedBy(1<<32-1, 0)}, image.ErrInvalid},
		"gid beyond 32 bits":         {[]item{file("f", "").OwnedBy(0, 1<<32)}, image.ErrInvalid},
		"capabilities without value": {[]item{file("f", "").WithXattr("security.capability", "")}, image.ErrInvalid},
		"an attribute that is large": {[]item{file("f", "").WithXattr("user.x", strings.Repeat("x", 65537))}, image.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want == nil {
				t.Skip("archive/tar makes a directory of it")
			}
			eachBackEnd(t, func(t *testing.T, b backEnd) {
				_, err := b.apply(t, bytes.NewReader(archive(t, c.items...)), Options{Image: "img"})
				failed(t, err, c.want)
			})
		})
	}
}

// TestHardLinkToNothing: flat there is nothing it could mean; for itself a
// layer may mean a file of those below.
func TestHardLinkToNothing(t *testing.T) {
	raw := archive(t, hard("d/h", "low/f"))
	_, err := Apply(t.Context(), newDir(t), bytes.NewReader(raw), options(Options{Format: Flat}))
	failed(t, err, image.ErrInvalid)
	for _, b := range backEnds {
		info := b.unpack(t, string(raw), Options{}).info
		if len(info.Links) != 1 || info.Links[0] != (Link{"d/h", "low/f", false}) {
			t.Errorf("%s: links: %v", b, info.Links)
		}
	}
}

// TestMetadata: modes after owners, times of directories after their content.
func TestMetadata(t *testing.T) { eachBackEnd(t, testMetadata) }

func testMetadata(t *testing.T, b backEnd) {
	d := b.unpack(t, string(archive(t,
		dir("d").WithMode(0o1777).OwnedBy(7, 8), file("d/s", "x").WithMode(0o6755).OwnedBy(1, 2),
		dir("closed").WithMode(0), file("closed/f", "").WithMode(0).OwnedBy(70000, 80000),
		symlink("l", "d").OwnedBy(3, 4).At(time.Unix(-5, 0)), file("old", "").At(time.Unix(-5, 500)),
		file("later", "").At(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), file("early", "").At(time.Unix(-1<<40, 0)),
		dir("setgid").WithMode(0o2755).OwnedBy(0, 9), file("setgid/f", ""),
		dir("./").WithMode(0o711),
	)), Options{}).file
	entries := make(map[Path]Entry)
	if !b.full() {
		if err := syscall.Chmod(d.Name()+"/closed", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Chmod(d.Name()+"/closed/f", 0o400); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range entriesOf(t, OverlayTrusted, d) {
		entries[e.Path] = e
	}
	for path, want := range map[Path]struct {
		mode     uint32
		uid, gid int
		time     time.Time
	}{
		"d": {0o1777, 7, 8, someTime}, "d/s": {0o6755, 1, 2, someTime}, "closed/f": {0, 70000, 80000, someTime},
		"closed": {0, 0, 0, someTime}, "l": {0o777, 3, 4, time.Unix(-5, 0)}, "old": {0o644, 0, 0, time.Unix(-5, 500)},
		"later": {0o644, 0, 0, time.Unix(maxTime, 0)}, "early": {0o644, 0, 0, time.Unix(minTime, 0)},
		"setgid": {0o2755, 0, 9, someTime}, "setgid/f": {0o644, 0, 0, someTime},
	} {
		e := entries[path]
		if !b.full() && (path == "closed" || path == "closed/f") {
			e.Mode = want.mode // changed above, to look at them
		}
		if !b.full() && path == "l" {
			e.UID, e.GID = 3, 4 // links take no record of owners
		}
		if !b.full() && want.uid == 0 {
			e.UID, e.GID = want.uid, want.gid
		}
		if e.Mode != want.mode || e.UID != want.uid || e.GID != want.gid || !e.ModTime.Equal(want.time) {
			t.Errorf("%s\nwant %+v", e, want)
		}
	}
	root, err := sourcesOf([]*os.File{d})
	if err != nil {
		t.Fatal(err)
	}
	if st, err := root[0].stat(""); err != nil || st.Mode&0o7777 != 0o711 {
		t.Errorf("root: %o, %v", st.Mode, err)
	}
}
