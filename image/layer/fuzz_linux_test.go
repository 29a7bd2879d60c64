package layer

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/internal/testutil/tarball"
)

// FuzzApply: whatever the tar, nothing outside of the directory changes, and
// what comes out can be listed, settled and made a layer of again.
func FuzzApply(f *testing.F) {
	f.Add(archive(f, file("../../canary/secret", "evil"), symlink("a", "../../canary"), file("a/secret", "evil")))
	f.Add(archive(f, symlink("a", "/canary"), hard("h", "a/secret"), file(".wh.a", ""), file("d/.wh..wh..opq", "")))
	f.Add(archive(f, hard("h", "../canary/secret"), file("h", "evil")))
	for _, l := range base {
		f.Add(archive(f, l...))
	}
	f.Add(pack(f, image.Gzip, archive(f, dir("d"), fifo("d/p"))))
	f.Add(pack(f, image.Zstd, archive(f, dir("d"), file("d/f", "").WithXattr("user.a", "1"))))
	f.Fuzz(func(t *testing.T, raw []byte) { hostile(t, raw) })
}

// FuzzEntries builds tars of entries that are well-formed each, so that the
// fuzzer spends its time on what they do together.
func FuzzEntries(f *testing.F) {
	f.Add([]byte("2a\x00../../canary\x000a/secret\x00evil\x005d\x00\x000d/.wh..wh..opq\x00\x00"))
	f.Add([]byte("1h\x00canary/secret\x000h\x00evil\x000.wh.h\x00\x002h\x00/..\x00"))
	f.Fuzz(func(t *testing.T, script []byte) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		fields := bytes.Split(script, []byte{0})
		for i := 0; i+1 < len(fields) && i < 64; i += 2 {
			if len(fields[i]) < 2 {
				continue
			}
			h := tarball.Raw("012356"[fields[i][0]%6:][0], string(fields[i][1:]), 0o755)
			if h.Typeflag == tar.TypeReg {
				h.Size = int64(len(fields[i+1]))
			} else {
				h.Linkname = string(fields[i+1])
			}
			if err := w.WriteHeader(&h.Header); err != nil {
				return
			}
			if h.Size > 0 {
				if _, err := w.Write(fields[i+1]); err != nil {
					return
				}
			}
		}
		hostile(t, b.Bytes())
	})
}

// hostile unpacks a layer beside a canary.
func hostile(t *testing.T, raw []byte) {
	outside := t.TempDir()
	if err := first(os.Mkdir(outside+"/canary", 0o755), os.WriteFile(outside+"/canary/secret", []byte("alive"), 0o600), os.Mkdir(outside+"/layer", 0o755)); err != nil {
		t.Fatal(err)
	}
	parent, err := os.Open(outside)
	if err != nil {
		t.Fatal(err)
	}
	defer parent.Close()
	d, err := os.Open(outside + "/layer")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	limits := Limits{Bytes: 1 << 20, FileBytes: 1 << 20, Entries: 200, Depth: 20}
	for _, format := range []Format{options(Options{}).Format, Flat} {
		o := options(Options{Format: format, Limits: limits})
		info, err := Apply(t.Context(), d, bytes.NewReader(raw), o)
		if format == Flat {
			continue
		}
		img, errImage := hostileImage(t, raw, limits)
		if (err == nil) != (errImage == nil) {
			t.Fatalf("directory: %v\nimage: %v", err, errImage)
		}
		if err == nil {
			if testutil.IsRoot() {
				sameLayers(t, []*os.File{d}, []*os.File{img})
			}
			inspect(t, d, info, o)
		}
	}
	if b, err := os.ReadFile(outside + "/canary/secret"); err != nil || string(b) != "alive" {
		t.Fatalf("the canary is dead: %q, %v", b, err)
	}
	all, err := filepath.Glob(outside + "/*")
	inside, err2 := filepath.Glob(outside + "/canary/*")
	st, err3 := os.Stat(outside + "/canary/secret")
	if err := first(err, err2, err3); err != nil || len(all) != 2 || len(inside) != 1 || st.Mode() != 0o600 {
		t.Fatalf("outside: %v %v %v %v", all, inside, st, err)
	}
}

// hostileImage stages a layer, finishes the image as it is, and reads all of
// it. Then it settles another one.
func hostileImage(t *testing.T, raw []byte, l Limits) (*os.File, error) {
	settled, err := Stage(t.Context(), newImage(t), bytes.NewReader(raw), Options{Limits: l})
	if err != nil {
		failed(t, err, err)
		return nil, err
	}
	if _, err := settled.Settle(nil); err != nil {
		failed(t, err, err)
	} else if err := settled.Finish(); err != nil {
		t.Fatal(err)
	}
	img := newImage(t)
	s, err := Stage(t.Context(), img, bytes.NewReader(raw), Options{Limits: l})
	if err == nil {
		err = s.Finish()
	}
	if err != nil {
		t.Fatal(err)
	}
	entriesOf(t, OverlayTrusted, img)
	return img, nil
}

func inspect(t *testing.T, d *os.File, info *Info, o Options) {
	if _, err := Settle(d, nil, info, o.Format); err != nil {
		failed(t, err, err)
		return
	}
	if o.Rootless {
		return // modes may shut their owner out
	}
	before, err := Tree(o.Format, d)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := Diff(t.Context(), &b, d, nil, DiffOptions{Format: o.Format}); err != nil {
		t.Fatalf("%v: %v", err, before)
	}
	again := newDir(t)
	if _, err := Apply(t.Context(), again, &b, o); err != nil {
		t.Fatalf("%v: %v", err, before)
	}
	if got, want := listing(t, o.Format, again), listing(t, o.Format, d); got != want {
		t.Fatalf("got:\n%s\nwant:\n%s", got, want)
	}
}
