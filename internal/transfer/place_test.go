package transfer

import (
	"errors"
	iofs "io/fs"
	"path"
	"strings"
	"testing"
)

// TestPlace has docker cp's rules, one line each.
func TestPlace(t *testing.T) {
	file, dir := source{name: "s"}, source{name: "s", dir: true}
	contents := source{name: "s", dir: true, contents: true, asserts: true}
	none, nonePlus := target{base: "t"}, target{base: "t", asserts: true}
	isFile, isFilePlus := target{base: "t", exists: true}, target{base: "t", exists: true, asserts: true}
	isDir := target{exists: true, dir: true}
	for what, c := range map[string]struct {
		s    source
		t    target
		name string
		err  error
	}{
		"file to nothing":           {file, none, "t", nil},
		"file to nothing/":          {file, nonePlus, "", ErrNoDirectory},
		"file to file":              {file, isFile, "t", nil},
		"file to file/":             {file, isFilePlus, "", ErrNotDirectory},
		"file to directory":         {file, isDir, "s", nil},
		"file/ to nothing":          {source{name: "s", asserts: true}, none, "", ErrNotDirectory},
		"directory to nothing":      {dir, none, "t", nil},
		"directory to nothing/":     {dir, nonePlus, "t", nil},
		"directory to file":         {dir, isFile, "", ErrCopyDirectory},
		"directory to file/":        {dir, isFilePlus, "", ErrNotDirectory},
		"directory to directory":    {dir, isDir, "s", nil},
		"directory/. to nothing":    {contents, none, "t", nil},
		"directory/. to file":       {contents, isFile, "", ErrCopyDirectory},
		"directory/. to directory":  {contents, isDir, "", nil},
		"everything to a directory": {source{dir: true, contents: true}, isDir, "", nil},
	} {
		if name, err := place(c.s, c.t); name != c.name || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: %q, %v; want %q, %v", what, name, err, c.name, c.err)
		}
	}
}

func TestCut(t *testing.T) {
	for p, want := range map[string][2]string{
		"/a/b": {"/a/", "b"}, "/a": {"/", "a"}, "a": {".", "a"}, "/a/b//": {"/a/", "b"}, "/": {".", ""},
		"/a/..": {"/a/", ""}, "a/.": {"a/", ""}, "/a/../b": {"/a/../", "b"},
	} {
		if dir, base := cut(p); dir != want[0] || base != want[1] {
			t.Errorf("cut(%q) = %q, %q; want %q", p, dir, base, want)
		}
	}
}

func FuzzPaths(f *testing.F) {
	for _, p := range []string{"", "/", "a/.", "../x/", "/a/../..", "a//b", ".", "..", "\x00"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		clean, err := inside(p)
		if err != nil {
			if !errors.Is(err, iofs.ErrInvalid) || p != "" && !strings.Contains(p, "\x00") {
				t.Fatalf("%q: %v", p, err)
			}
			return
		}
		if !path.IsAbs(clean) || path.Clean(clean) != clean || strings.Contains(clean+"/", "/../") {
			t.Errorf("inside(%q) = %q", p, clean)
		}
		if _, base := cut(p); base != "" && checkName(base) != nil {
			t.Errorf("cut(%q) gives the base %q", p, base)
		}
		s := sourceOf(clean, p)
		if clean == "/" != (s.name == "") || s.name != "" && checkName(s.name) != nil {
			t.Errorf("source of %q has the name %q", p, s.name)
		}
	})
}
