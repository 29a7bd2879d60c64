package erofs

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// noise is data that does not repeat.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(n) + 1
	for i := range b {
		b[i] = byte(x>>24) | 1
		x = x*1664525 + 1013904223
	}
	return string(b)
}

func many(n int, f func(i int) spec) []spec {
	list := make([]spec, n)
	for i := range list {
		list[i] = f(i)
	}
	return list
}

func xattrs(n, size int) Attr {
	a := Attr{Mode: 0o755, Xattrs: map[string][]byte{}}
	for i := range n {
		a.Xattrs[fmt.Sprintf("user.%04d", i)] = []byte(noise(size))
	}
	return a
}

// trees are what every test of whole images goes through.
var trees = sync.OnceValue(makeTrees)

func makeTrees() map[string][]spec {
	t := map[string][]spec{
		"empty": {},
		"root": {dir(".").with(Attr{
			Mode: 0o1777, UID: 7, GID: 1 << 31, MtimeSec: 1 << 33, MtimeNsec: 999999999,
			Xattrs: map[string][]byte{"trusted.overlay.opaque": []byte("y")},
		})},
		"root with large attributes": append([]spec{dir(".").with(xattrs(20, 1000))}, many(300, func(i int) spec {
			return file(fmt.Sprintf("%d", i), "x")
		})...),
		"root with attributes to the end of its block": {dir(".").with(xattrs(1, 4096-rootOffset-extendedSize-xattrHeader-xattrEntry-4)), file("a", "")},
		"types": {
			dir("dev"), node("dev/null", 'c', 1, 3), node("dev/large", 'b', maxMajor, maxMinor), node("dev/p", 'p', 0, 0),
			node("dev/s", 's', 0, 0), node("whiteout", 'c', 0, 0), link("l", "dev/null"), link("long", noise(maxLink)), file("f", "content\n"),
			node("dev/minor", 'b', 8, 256),
		},
		"owners and modes": {
			file("suid", "x").with(Attr{Mode: 0o4755, UID: 1000, GID: 1000}), file("sgid", "x").with(Attr{Mode: 0o2755, UID: 1 << 16}),
			dir("sticky").with(Attr{Mode: 0o1777, GID: math.MaxUint32 - 1}), file("none", "x").with(Attr{}),
			link("link", "x").with(Attr{Mode: 0o777, UID: 5, GID: 6, MtimeSec: 1}),
		},
		"times": {
			file("1969", "").with(Attr{MtimeSec: -1, MtimeNsec: 1}), file("1900", "").with(Attr{MtimeSec: -2208988800}),
			file("2107", "").with(Attr{MtimeSec: 4323456789, MtimeNsec: 123456789}), dir("9999").with(Attr{Mode: 0o755, MtimeSec: 253402300799}),
			link("2039", "x").with(Attr{Mode: 0o777, MtimeSec: 1 << 31}),
		},
		"hard links": {
			file("a", "one"), hard("b", "a"), dir("d"), hard("d/c", "a"), node("p", 'p', 0, 0), hard("d/p", "p"), link("l", "a"), hard("d/l", "l"),
			file("large", noise(100000)), hard("d/large", "large"), file("single", "x"),
		},
		"attributes": {
			file("acl", "").with(Attr{Mode: 0o644, Xattrs: map[string][]byte{
				"user.empty": {}, "user.a": []byte("1\x002"), "trusted.x": []byte("t"), "security.capability": []byte("\x01\x00\x00\x02\x00\x20\x00\x00" + strings.Repeat("\x00", 12)),
				"user." + strings.Repeat("n", maxXattrName-5): []byte("long name"),
			}}),
			dir("opaque").with(Attr{Mode: 0o755, Xattrs: map[string][]byte{"trusted.overlay.opaque": []byte("y")}}),
			file("large", "tail").with(xattrs(1, maxXattrValue)), file("more", noise(5000)).with(xattrs(4, 50000)),
			dir("large dir").with(xattrs(3, 3000)), file("large dir/f", "x"),
			link("link", "x").with(Attr{Mode: 0o777, Xattrs: map[string][]byte{"trusted.l": []byte("l")}}),
			node("pipe", 'p', 0, 0).with(Attr{Xattrs: map[string][]byte{"trusted.p": []byte(noise(5000))}}), // the kernel wants no user.* there
		},
		"names": {
			file("!", "before the dots"), file("-x", ""), file(".a", ""), file("..a", ""), file("...", ""), file("\xff\xfe", "bytes"), file("\n", ""),
			file("\x01", ""), dir(strings.Repeat("n", maxName)), file(strings.Repeat("n", maxName)+"/"+strings.Repeat("ä", 127), "x"),
			file("a", ""), file("a b", ""), file("ab", ""), dir("a+"), file("a+/b", ""), dir("a-"), file("a-/b", ""),
		},
		"directories of long names": many(200, func(i int) spec { return file(fmt.Sprintf("%03d%s", i, strings.Repeat("n", maxName-3)), "") }),
	}
	for last := 217; last <= maxName; last++ { // 236 makes it a block
		name := fmt.Sprintf("directory of a block and %d", last-236)
		t[name] = append(many(16, func(i int) spec { return file(fmt.Sprintf("d/%0200d", i), "") }),
			file("d/a"+strings.Repeat("a", maxName-1), ""), file("d/b"+strings.Repeat("b", 149), ""), file("d/"+strings.Repeat("c", last), ""))
		t[name] = append([]spec{dir("d")}, t[name]...)
	}
	sizes := []spec{}
	for _, base := range []int{0, 512, 4096 - extendedSize, 4096, 8192, 65536, windowSize - headerSize, windowSize, 3 * windowSize} {
		for d := -2; d <= 2; d++ {
			if n := base + d; n >= 0 {
				sizes = append(sizes, file(fmt.Sprintf("%d", n), noise(n)))
			}
		}
	}
	t["sizes"] = sizes
	t["tails"] = many(600, func(i int) spec { return file(fmt.Sprintf("%03d", i), noise(i*61%9000)) })
	t["tails and attributes"] = many(300, func(i int) spec {
		return file(fmt.Sprintf("%03d", i), noise(i*61%5000)).with(xattrs(1+i%3, i*53%4100))
	})
	t["zeros"] = []spec{
		file("hole", strings.Repeat("\x00", 5<<20)), file("a", "a"),
		file("in between", noise(100000)+strings.Repeat("\x00", 1<<20)+noise(100001)), file("last", strings.Repeat("\x00", 300000)),
	}
	return t
}

// TestRoundTrip: what is written is read.
func TestRoundTrip(t *testing.T) {
	for name, specs := range trees() {
		for _, block := range []int{0, 512, 1024, 65536} {
			m := write(t, Options{BlockSize: block}, specs...)
			if d := cmp.Diff(lines(specs), readLines(t, open(t, m.b))); d != "" {
				t.Errorf("%s, blocks of %d: -want +got:\n%s", name, block, d)
			}
			if block == 0 {
				block = 4096
			}
			if len(m.b)%block != 0 {
				t.Errorf("%s: %d bytes", name, len(m.b))
			}
		}
	}
}
