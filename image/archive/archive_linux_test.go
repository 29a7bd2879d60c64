package archive

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sandkit/sandkit/image"
)

func TestRoundTrip(t *testing.T) {
	from := filled(t)
	want := names(t, from)
	for _, f := range []Format{Docker, OCI} {
		raw := export1(t, from, f, "app:1", "localhost:5000/team/tool:2")
		if again := export1(t, from, f, "app:1", "localhost:5000/team/tool:2"); !bytes.Equal(raw, again) {
			t.Errorf("%v: the same images make different archives", f)
		}
		for _, packed := range [][]byte{raw, gzipped(t, raw)} {
			to := newStore(t)
			found, err := Import(t.Context(), to, bytes.NewReader(packed), ImportOptions{})
			if err != nil || len(found) != 2 {
				t.Fatalf("%v: %v, %v", f, found, err)
			}
			if got := names(t, to); !slices.Equal(got, want) {
				t.Errorf("%v: images %q, want %q", f, got, want)
			}
			sound(t, to)
		}
	}
	dir := filepath.Join(t.TempDir(), "layout")
	must(t, ExportDir(t.Context(), from, dir, ExportOptions{}, "app:1", "localhost:5000/team/tool:2"))
	if err := ExportDir(t.Context(), from, dir, ExportOptions{}, "app:1"); !errors.Is(err, os.ErrExist) {
		t.Errorf("export over what is there: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	to := newStore(t)
	if _, err := ImportFile(t.Context(), to, dir, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := names(t, to); !slices.Equal(got, want) {
		t.Errorf("images %q, want %q", got, want)
	}
	sound(t, to)
}

// TestRoundTripLegacy: configurations and layers stay, manifests are made, the
// same each time.
func TestRoundTripLegacy(t *testing.T) {
	from := filled(t)
	raw := export1(t, from, DockerLegacy, "app:1", "localhost:5000/team/tool:2")
	first := newStore(t)
	found, err := Import(t.Context(), first, bytes.NewReader(raw), ImportOptions{})
	if err != nil || len(found) != 2 {
		t.Fatalf("%v, %v", found, err)
	}
	sound(t, first)
	for _, name := range []string{"app:1", "localhost:5000/team/tool:2"} {
		a, err := from.Image(t.Context(), name, host)
		must(t, err)
		b, err := first.Image(t.Context(), name, host)
		must(t, err)
		if a.ID() != b.ID() || len(a.Layers()) != len(b.Layers()) {
			t.Errorf("%s: %s became %s", name, a.ID(), b.ID())
		}
		for i, l := range a.Layers() {
			if l.Descriptor().Digest != b.Layers()[i].Descriptor().Digest {
				t.Errorf("%s: layer %d changed", name, i)
			}
		}
	}
	second := newStore(t)
	raw = export1(t, first, Docker, "app:1", "localhost:5000/team/tool:2")
	_, err = Import(t.Context(), second, bytes.NewReader(raw), ImportOptions{})
	must(t, err)
	if a, b := names(t, first), names(t, second); !slices.Equal(a, b) {
		t.Errorf("%q became %q", a, b)
	}
}

func TestIndex(t *testing.T) {
	from := newStore(t)
	other := image.Platform{OS: "linux", Architecture: "riscv64"}
	var manifests []image.Descriptor
	for _, p := range []image.Platform{other, host} {
		d := addImage(t, from, "", p, tarOf(t, "arch", p.String()))
		d.Platform = ociPlatform(p)
		manifests = append(manifests, d)
	}
	missing := image.Describe(image.MediaTypeOCIManifest, []byte("never fetched"))
	missing.Platform = ociPlatform(image.Platform{OS: "linux", Architecture: "s390x"})
	want := addIndex(t, from, "multi", append(manifests, missing)...)
	for _, f := range []Format{Docker, OCI} {
		to := newStore(t)
		_, err := Import(t.Context(), to, bytes.NewReader(export1(t, from, f, "multi")), ImportOptions{})
		must(t, err)
		e, err := to.Lookup(t.Context(), "multi")
		if err != nil || e.Target.Digest != want.Digest || len(e.IDs) != 2 {
			t.Errorf("%v: %+v, %v", f, e, err)
		}
		sound(t, to)
		img, err := to.Image(t.Context(), "multi", other)
		if err != nil || img.Config().Architecture != "riscv64" {
			t.Error(err)
		}
	}
	var b bytes.Buffer
	err := Export(t.Context(), from, &b, ExportOptions{Format: DockerLegacy, Platform: image.Platform{OS: "linux", Architecture: "mips64"}}, "multi")
	if !errors.Is(err, image.ErrNoPlatform) {
		t.Errorf("export for a platform that is not there: %v", err)
	}
}

func TestNames(t *testing.T) {
	s := filled(t)
	e, err := s.Lookup(t.Context(), "app:1")
	must(t, err)
	raw := export1(t, s, OCI, string(e.Target.Digest)) // no name
	to := newStore(t)
	found, err := Import(t.Context(), to, bytes.NewReader(raw), ImportOptions{})
	if err != nil || len(found) != 1 || !found[0].Ref.IsZero() {
		t.Errorf("%v, %v", found, err)
	}
	layout := filepath.Join(t.TempDir(), "layout")
	must(t, ExportDir(t.Context(), s, layout, ExportOptions{}, "app:1"))
	index, err := os.ReadFile(filepath.Join(layout, indexFile))
	must(t, err)
	index = bytes.ReplaceAll(index, []byte(annotationName), []byte("x"))
	must(t, os.WriteFile(filepath.Join(layout, indexFile), index, 0o600))
	found, err = ImportFile(t.Context(), to, layout, ImportOptions{Repository: "example.com/app"})
	if err != nil || len(found) != 1 || found[0].Ref.String() != "example.com/app:1" {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := ImportFile(t.Context(), to, layout, ImportOptions{Repository: "NO"}); !errors.Is(err, image.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestImportRoot(t *testing.T) {
	s := newStore(t)
	root := tarOf(t, "bin/sh", "program")
	o := RootOptions{
		Ref: ref(t, "base"), Created: time.Unix(1000, 0), Message: "imported",
		Config: image.RunConfig{Cmd: []string{"/bin/sh"}, Env: []string{"A=b"}},
	}
	for _, raw := range [][]byte{root, gzipped(t, root), append(root, make([]byte, 10240)...)} {
		var last image.Progress
		o.Progress = func(p image.Progress) { last = p }
		img, err := ImportRoot(t.Context(), s, bytes.NewReader(raw), o)
		must(t, err)
		c := img.Config()
		if c.Config.Cmd[0] != "/bin/sh" || c.History[0].Comment != "imported" || c.Created.Unix() != 1000 {
			t.Errorf("%+v", c)
		}
		if last.Phase != image.PhaseDone || last.Bytes != int64(len(raw)) {
			t.Errorf("%+v", last)
		}
		sound(t, s)
	}
	o.Changes = []string{"ENV A=c", "CMD x"}
	img, err := ImportRoot(t.Context(), s, bytes.NewReader(root), o)
	must(t, err)
	if c := img.Config().Config; c.Env[0] != "A=c" || !slices.Equal(c.Cmd, []string{"/bin/sh", "-c", "x"}) || o.Config.Env[0] != "A=b" {
		t.Errorf("%+v, from %+v", c, o.Config)
	}
	before := names(t, s)
	bad := o
	bad.Changes = []string{"USER x", "RUN y"}
	_, err = ImportRoot(t.Context(), s, iotest.ErrReader(errors.New("it was read")), bad)
	if e, ok := errors.AsType[*image.ChangeError](err); !ok || e.Change != "RUN y" {
		t.Errorf("bad change: %v", err)
	}
	for what, raw := range map[string][]byte{
		"garbage": []byte(strings.Repeat("no tar", 1000)), "cut": root[:515], "cut gzip": gzipped(t, root)[:60],
	} {
		if _, err := ImportRoot(t.Context(), s, bytes.NewReader(raw), o); !errors.Is(err, image.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	o.MaxBytes = 600
	if _, err := ImportRoot(t.Context(), s, bytes.NewReader(gzipped(t, root)), o); !errors.Is(err, image.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if after := names(t, s); !slices.Equal(before, after) {
		t.Errorf("%q became %q", before, after)
	}
	sound(t, s)
}

// TestManyAtOnce: the same archive is imported many times at once, while others
// collect and export.
func TestManyAtOnce(t *testing.T) {
	from, to := filled(t), newStore(t)
	raw := export1(t, from, Docker, "app:1", "localhost:5000/team/tool:2")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := Import(t.Context(), to, bytes.NewReader(raw), ImportOptions{}); err != nil {
				t.Error(err)
				return
			}
			if _, err := to.Collect(t.Context(), -1); err != nil {
				t.Error(err)
			}
			var b bytes.Buffer
			if err := Export(t.Context(), to, &b, ExportOptions{}, "app:1", "localhost:5000/team/tool:2"); err != nil || !bytes.Equal(b.Bytes(), raw) {
				t.Errorf("another archive, %v", err)
			}
		})
	}
	wg.Wait()
	if a, b := names(t, from), names(t, to); !slices.Equal(a, b) {
		t.Errorf("%q became %q", a, b)
	}
	sound(t, to)
}
