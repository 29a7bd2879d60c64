package erofs

import (
	"bytes"
	"errors"
	"io"
	iofs "io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sandkit/sandkit/image"
)

// TestFS: the reader keeps io/fs's rules. (Links to nothing and files that
// cannot be read would be too much for the test.)
func TestFS(t *testing.T) {
	for _, name := range []string{"root", "directory of a block and 1"} {
		var expected []string
		for _, s := range trees()[name] {
			if s.path != "." {
				expected = append(expected, s.path)
			}
		}
		if err := fstest.TestFS(open(t, write(t, Options{BlockSize: 512}, trees()[name]...).b), expected...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := open(t, write(t, Options{}, dir("a"), dir("a/b"), file("a/b/f", "f"), hard("a/g", "a/b/f"), link("a/l", "b"), link("r", "/a/b/f")).b)
	if err := fstest.TestFS(r, "a/b/f", "a/g", "a/l", "r"); err != nil {
		t.Error(err)
	}
}

// TestLinks: symbolic links are followed inside of the image.
func TestLinks(t *testing.T) {
	r := open(t, write(t, Options{},
		dir("a"), dir("a/b"), file("a/b/f", "content"), link("rel", "a/b"), link("abs", "/a/b/f"), link("a/b/up", "../../../../../a/./b//f"),
		link("a/dot", "."), link("a/dots", ".."), link("loop", "loop"), link("l1", "l2/x"), link("l2", "l1"), link("none", "nothing"), link("slash", "/"),
		link("tofile", "a/b/f/"),
	).b)
	for _, name := range []string{
		"a/b/f", "rel/f", "abs", "a/b/up", "rel/up", "a/dot/dot/b/f", "a/dots/a/dots/rel/f", "slash/slash/abs", "slash/a/b/f", "tofile",
	} {
		if b, err := r.ReadFile(name); err != nil || string(b) != "content" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for name, want := range map[string]error{
		"loop": errLoop, "l1": errLoop, "none": iofs.ErrNotExist, "a/none": iofs.ErrNotExist, "a/b/f/x": errNotDir,
		"/a": iofs.ErrInvalid, "a/": iofs.ErrInvalid, "": iofs.ErrInvalid, "a//b": iofs.ErrInvalid, "../a": iofs.ErrInvalid, "a\x00": iofs.ErrInvalid,
	} {
		for op, err := range map[string]error{"Stat": last(r.Stat(name)), "Open": last(r.Open(name)), "ReadDir": last(r.ReadDir(name))} {
			var p *iofs.PathError
			if !errors.Is(err, want) || !errors.As(err, &p) || p.Path != name {
				t.Errorf("%s %q: %v", op, name, err)
			}
		}
	}
	if i, err := r.Lstat("rel"); err != nil || i.Mode().Type() != iofs.ModeSymlink {
		t.Errorf("%v, %v", i, err)
	}
	for range 2 { // what was found before changes nothing
		if i, err := r.Stat("rel"); err != nil || !i.IsDir() {
			t.Errorf("%v, %v", i, err)
		}
		if to, err := r.ReadLink("rel"); err != nil || to != "a/b" {
			t.Errorf("%q, %v", to, err)
		}
		if l, err := r.ReadDir("rel"); err != nil || len(l) != 2 {
			t.Errorf("%v, %v", l, err)
		}
	}
	if _, err := r.ReadLink("a"); err == nil {
		t.Error("a directory has a target")
	}
	if _, err := r.ReadFile("a"); err == nil {
		t.Error("a directory has content")
	}
}

func last[T any](_ T, err error) error { return err }

// TestModes: Go's modes are those of the files.
func TestModes(t *testing.T) {
	r := open(t, write(t, Options{}, slices.Concat(trees()["types"], trees()["owners and modes"])...).b)
	for name, want := range map[string]string{
		"dev": "drwxr-xr-x", "dev/null": "Dcrw-------", "dev/large": "Drw-------", "dev/p": "prw-------", "dev/s": "Srw-------",
		"l": "Lrwxrwxrwx", "suid": "urwxr-xr-x", "sgid": "grwxr-xr-x", "sticky": "dtrwxrwxrwx", "none": "----------",
	} {
		if i, err := r.Lstat(name); err != nil || i.Mode().String() != want {
			t.Errorf("%s: %v, %v; want %s", name, i, err, want)
		}
	}
}

// broken gives an image of which some bytes are others.
func broken(b []byte, at int, with ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], with)
	return b
}

// resum corrects the checksum of the superblock.
func resum(b []byte) []byte {
	if len(b) < superOffset+superSize || b[superOffset+12] > maxBlockBits {
		return b
	}
	s := b[superOffset:]
	if n := checksumSize(1 << s[12]); n <= len(s) {
		clear(s[4:8])
		le.PutUint32(s[4:], checksum(s[:n]))
	}
	return b
}

// TestHostile: what is wrong is told, and nothing else happens.
func TestHostile(t *testing.T) {
	img := write(t, Options{}, dir("a"), dir("a/b"), file("f", noise(5000)), file("g", "x").with(xattrs(2, 10)), link("l", "f")).b
	r := open(t, img)
	place := func(name string) int { return int(second2(r.Lstat(name)).Sys().(*Stat).Ino) * slotSize }
	a, f, g, l := place("a"), place("f"), place("g"), place("l")
	names := rootOffset + extendedSize // the root's
	ff := bytes.Repeat([]byte{0xff}, 8)
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"no image":               {nil, "only 0 bytes"},
		"short":                  {img[:superOffset+superSize-1], "only"},
		"magic":                  {broken(img, superOffset, 0), "magic"},
		"checksum":               {broken(img, superOffset+48, 1), "checksum"},
		"short block":            {img[:4000], "blocks in 4000 bytes"},
		"block size":             {broken(img, superOffset+12, 17), "2^17"},
		"small block size":       {broken(img, superOffset+12, 8), "2^8"},
		"features":               {resum(broken(img, superOffset+80, 4)), "unsupported"},
		"blocks":                 {broken(img, superOffset+36, ff[:4]...), "4294967295 blocks"},
		"root":                   {resum(broken(img, superOffset+14, 0xff, 0xff)), "inode 65535"},
		"root is a file":         {resum(broken(img, superOffset+14, byte(f/slotSize), byte(f/slotSize>>8))), "root is no directory"},
		"metadata":               {resum(broken(img, superOffset+40, ff[:4]...)), "inode 36"},
		"mode":                   {broken(img, f+4, 0, 0), "mode 0"},
		"layout":                 {broken(img, f, 3), "layout 1: unsupported"},
		"chunks":                 {broken(img, f, 9), "layout 4: unsupported"},
		"size":                   {broken(img, f+8, ff...), "-1 bytes"},
		"large":                  {broken(img, f+8, 0, 0, 0, 1), "16777216 bytes"},
		"place":                  {broken(img, f+16, ff[:4]...), "content of inode"},
		"place at the end":       {broken(img, f+16, byte(len(img)/4096)), "content of inode"},
		"nanoseconds":            {broken(img, f+40, ff[:4]...), "nanoseconds"},
		"xattr size":             {broken(img, g+2, 0xff, 0xff), "attributes of inode"},
		"xattr entries":          {broken(img, g+extendedSize+xattrHeader, 200), "attribute"},
		"xattr kind":             {broken(img, g+extendedSize+xattrHeader+1, 5), "of kind 5"},
		"xattr value":            {broken(img, g+extendedSize+xattrHeader+2, 0xff, 0xff), "attribute of"},
		"xattr shared":           {broken(img, g+extendedSize+4, 200), "200 shared"},
		"xattr twice":            {broken(img, g+extendedSize+xattrHeader+20+7, '0'), "is there twice"},
		"link size":              {broken(img, l+8, 0), "symbolic link of 0 bytes"},
		"first name":             {resum(broken(img, names+8, 0)), "names of a directory"},
		"first name uneven":      {resum(broken(img, names+8, 13)), "names of a directory"},
		"name beyond":            {resum(broken(img, names+direntSize+8, 0xff)), "name of a directory"},
		"name with slash":        {resum(broken(img, names+6*direntSize+3, '/')), `"/" in a directory`},
		"not sorted":             {resum(broken(img, names+6*direntSize+3, 'z')), "not sorted"},
		"entry's inode":          {resum(broken(img, names+3*direntSize, ff...)), "inode 18446744073709551615"},
		"entry's type":           {resum(broken(img, names+3*direntSize+10, 3)), "another type"},
		"cycle":                  {resum(broken(img, names+2*direntSize, 36, 0)), "two names"},
		"dot":                    {resum(broken(img, names, 1)), `"." of directory`},
		"dots":                   {broken(img, a+extendedSize+direntSize, 1), `".." of directory`},
		"dots are something":     {broken(img, a+extendedSize+3*direntSize+1, '0'), "two names"},
		"directory has no names": {broken(img, a+8, 0), "has no"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Open(bytes.NewReader(c.b), int64(len(c.b)))
			if err == nil {
				_, err = walkLines(r)
			}
			if !errors.Is(err, image.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
			if strings.Contains(c.want, "unsupported") != errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%v", err)
			}
		})
	}
}

func second2(i iofs.FileInfo, err error) iofs.FileInfo {
	if err != nil {
		panic(err)
	}
	return i
}

// TestTwoNames: a directory with two names would make walks that never end.
func TestTwoNames(t *testing.T) {
	img := write(t, Options{}, dir("a"), dir("b")).b
	// The root has ".", "..", "a" and "b".
	second := img[rootOffset+extendedSize+3*direntSize:]
	copy(second[:8], img[rootOffset+extendedSize+2*direntSize:])
	if _, err := walkLines(open(t, resum(img))); !errors.Is(err, image.ErrInvalid) || !strings.Contains(err.Error(), "two names") {
		t.Errorf("%v", err)
	}
}

// TestTruncated: an image that ends early, as its reader sees it, is told from
// one that is broken.
func TestTruncated(t *testing.T) {
	img := write(t, Options{}, trees()["tails"]...).b
	for n := 0; n < len(img); n += len(img) / 30 {
		r, err := Open(bytes.NewReader(img[:n]), int64(len(img)))
		if err == nil {
			_, err = walkLines(r)
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

// TestXattrsAreCopies: who changes them changes nothing else.
func TestXattrsAreCopies(t *testing.T) {
	a := xattrs(3, 10)
	r := open(t, write(t, Options{}, file("f", "").with(a)).b)
	for range 2 {
		got := second2(r.Stat("f")).Sys().(*Stat)
		if !maps.EqualFunc(got.Xattrs, a.Xattrs, bytes.Equal) {
			t.Errorf("%v", got.Xattrs)
		}
		got.Xattrs["user.0000"][0] ^= 1
	}
}
