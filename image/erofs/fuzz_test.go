package erofs

import (
	"bytes"
	"fmt"
	"io"
	iofs "io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// script makes a tree of bytes.
type script struct{ b []byte }

func (s *script) byte() int {
	if len(s.b) == 0 {
		return 0
	}
	c := s.b[0]
	s.b = s.b[1:]
	return int(c)
}

func (s *script) number() int { return s.byte() | s.byte()<<8 }

func (s *script) string(n int) string {
	n = min(n, len(s.b))
	t := string(s.b[:n])
	s.b = s.b[n:]
	return t
}

func (s *script) attr() Attr {
	a := Attr{Mode: uint32(s.number() & 0o7777), UID: uint32(s.number() * 70000), GID: uint32(s.byte())}
	a.MtimeSec, a.MtimeNsec = int64(s.number()-1000)*1_000_000, uint32(s.number())
	for i := range s.byte() % 4 {
		if a.Xattrs == nil {
			a.Xattrs = map[string][]byte{}
		}
		prefix := []string{"user.", "trusted.", "security."}[s.byte()%3]
		a.Xattrs[fmt.Sprintf("%s%d", prefix, i)] = []byte(strings.Repeat("v", s.number()%9000))
	}
	return a
}

// tree gives what the bytes say; each step is a type, a parent, a name and more.
func (s *script) tree() []spec {
	specs, dirs, files := []spec{dir(".").with(s.attr())}, []string{"."}, []string{}
	names := map[string]bool{".": true}
	for len(s.b) > 0 && len(specs) < 300 {
		kind := "ffffddlcbpsh"[s.byte()%12]
		name := s.string(s.byte())
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			name = fmt.Sprintf("%d", len(specs))
		}
		n := spec{path: path.Join(dirs[s.byte()%len(dirs)], name), kind: kind, attr: s.attr()}
		if names[n.path] {
			continue
		}
		switch kind {
		case 'd':
			dirs = append(dirs, n.path)
		case 'f':
			n.data = strings.Repeat(string(rune(s.byte())), s.number()) + s.string(s.byte())
		case 'l':
			n.data = "l" + strings.ReplaceAll(s.string(s.byte()), "\x00", "")
		case 'c', 'b':
			n.major, n.minor = uint32(s.number()&maxMajor), uint32(s.number()*16)
		case 'h':
			if len(files) == 0 {
				continue
			}
			n = hard(n.path, files[s.byte()%len(files)])
		}
		if kind != 'd' && kind != 'h' {
			files = append(files, n.path)
		}
		names[n.path] = true
		specs = append(specs, n)
	}
	return specs
}

// FuzzWriter: any tree is read as it was written.
func FuzzWriter(f *testing.F) {
	f.Add(uint8(0), []byte{})
	f.Add(uint8(3), []byte(noise(3000)))
	f.Add(uint8(1), bytes.Repeat([]byte{4, 3, 'a', 'b', 'c', 1, 2, 3, 4, 0}, 300))
	f.Fuzz(func(t *testing.T, bits uint8, raw []byte) {
		specs := (&script{raw}).tree()
		m := write(t, Options{BlockSize: 512 << (bits % 8)}, specs...)
		if d := cmp.Diff(lines(specs), readLines(t, open(t, m.b))); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}

// FuzzReader: no image makes the reader panic, nor does a walk have more steps
// than the image has bytes.
func FuzzReader(f *testing.F) {
	for _, name := range []string{"empty", "types", "hard links", "attributes", "names", "directory of a block and 1", "root with large attributes"} {
		f.Add(write(f, Options{BlockSize: 512}, trees()[name]...).b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Open(bytes.NewReader(resum(slices.Clone(b))), int64(len(b)))
		if err != nil {
			return
		}
		steps := 0
		_ = iofs.WalkDir(r, ".", func(name string, d iofs.DirEntry, err error) error {
			if steps++; steps > 11*len(b) {
				t.Fatal("the walk does not end")
			}
			if err != nil {
				return nil //nolint:nilerr // go on with the others
			}
			_, _ = d.Info()
			_, _ = r.Stat(name)
			_, _ = r.ReadLink(name)
			if f, err := r.Open(name); err == nil {
				_, _ = io.CopyN(io.Discard, f, 1<<12)
			}
			return nil
		})
	})
}
