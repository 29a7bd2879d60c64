package volume

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/testutil"
)

func named(t testing.TB, s *Store, filters ...string) string {
	t.Helper()
	var all []Filter
	for _, f := range filters {
		all = append(all, must(ParseFilter(f))(t))
	}
	var names []string
	for _, v := range must(s.List(t.Context(), all...))(t) {
		names = append(names, v.Name)
	}
	return strings.Join(names, " ")
}

func TestCreate(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	labels := map[string]string{"a": "1", "b": ""}
	v := must(s.Create(ctx, Options{Name: "data", Labels: labels}))(t)
	labels["a"] = "changed"
	if v.Anonymous || v.Labels["a"] != "1" || v.Created.IsZero() || v.Path != filepath.Join(s.Dir(), "volumes/data/_data") {
		t.Errorf("%+v", v)
	}
	if info := must(os.Stat(v.Path))(t); info.Mode().Perm() != 0o755 {
		t.Error(info.Mode())
	}
	if info := must(os.Stat(s.Dir()))(t); info.Mode().Perm() != 0o700 {
		t.Error(info.Mode())
	}
	again := must(s.Create(ctx, Options{Name: "data", Labels: map[string]string{"other": ""}}))(t)
	if again.Labels["a"] != "1" || !again.Created.Equal(v.Created) {
		t.Errorf("%+v", again)
	}
	one, two := must(s.Create(ctx, Options{}))(t), must(s.Create(ctx, Options{}))(t)
	if !one.Anonymous || len(one.Name) != 64 || one.Name == two.Name {
		t.Errorf("%+v %+v", one, two)
	}
	for _, name := range []string{"x", "-x", ".x", "a/b", "a b", "a\n", "..", strings.Repeat("a", 256), "ä1"} {
		if _, err := s.Create(ctx, Options{Name: name}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
		if err := s.Remove(ctx, name, RemoveOptions{Force: true}); !errors.Is(err, ErrInvalid) {
			t.Errorf("remove %q: %v", name, err)
		}
	}
	for _, o := range []Options{{Name: "new", SizeLimit: -1}, {Name: "new", Labels: map[string]string{"": "x"}}} {
		if _, err := s.Create(ctx, o); !errors.Is(err, ErrInvalid) {
			t.Error(err)
		}
	}
	if _, err := s.Create(ctx, Options{Name: "data", SizeLimit: 1 << 20}); !errors.Is(err, ErrExists) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Create(ended, Options{Name: "late"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := named(t, s, "anonymous=false"); got != "data" {
		t.Error(got)
	}
}

// TestSizeLimit: there is a limit, or an error that says what to do.
func TestSizeLimit(t *testing.T) {
	s := newStore(t)
	_, err := s.Create(t.Context(), Options{Name: "small", SizeLimit: 1 << 20})
	if e, ok := errors.AsType[*kernel.NotSupportedError](err); err != nil && (!ok || e.Hint == "" || !errors.Is(err, errors.ErrUnsupported)) {
		t.Error(err)
	}
	if got := named(t, s); (err == nil) != (got == "small") {
		t.Error(got, err)
	}
	if err == nil {
		v := must(s.Get("small"))(t)
		if err := os.WriteFile(v.Path+"/f", make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.EDQUOT) && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("write twice the limit: %v", err)
		}
		ok(t, s.Remove(t.Context(), "small", RemoveOptions{}))
	}
	consistent(t, s)
}

func TestList(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	for name, labels := range map[string]map[string]string{"web-data": {"tier": "front", "x": ""}, "db-data": {"tier": "back"}, "cache": nil} {
		must(s.Create(ctx, Options{Name: name, Labels: labels}))(t)
	}
	r := must(s.Use(ctx, UseOptions{Name: "cache", User: "me"}))(t)
	for filters, want := range map[string]string{
		"":                               "cache db-data web-data",
		"name=data":                      "db-data web-data",
		"name=web name=cac":              "cache web-data",
		"label=tier":                     "db-data web-data",
		"label=tier=front":               "web-data",
		"label=tier label=x":             "web-data",
		"label=tier=front label=y":       "",
		"dangling=true":                  "db-data web-data",
		"dangling=0":                     "cache",
		"dangling=true name=web label=x": "web-data",
		"anonymous=true":                 "",
	} {
		if got := named(t, s, strings.Fields(filters)...); got != want {
			t.Errorf("%s: %q, want %q", filters, got, want)
		}
	}
	for _, bad := range []string{"", "x", "dangling=maybe", "driver=local", "name="} {
		if _, err := ParseFilter(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := s.List(ctx, Filter{"size", "1"}); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	d := must(s.Inspect(ctx, "cache"))(t)
	if len(d.Users) != 1 || d.Users[0] != "me" || d.Name != "cache" {
		t.Errorf("%+v", d)
	}
	ok(t, r.Release(ctx))
	if _, err := s.Get("none"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	// What is damaged is named, and the rest is there.
	ok(t, os.WriteFile(filepath.Join(s.Dir(), "volumes/cache/volume.json"), []byte("{"), 0o600))
	ok(t, os.Mkdir(filepath.Join(s.Dir(), "volumes/.x"), 0o700))
	list, err := s.List(ctx)
	if len(list) != 2 || !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "cache") {
		t.Error(list, err)
	}
	if err := s.Remove(ctx, "cache", RemoveOptions{}); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	ok(t, s.Remove(ctx, "cache", RemoveOptions{Force: true}))
}

// TestRemove: what is in use stays, anonymous volumes go with their last user,
// unless it keeps them, and others never.
func TestRemove(t *testing.T) {
	testutil.Unchanged(t)
	s, ctx := newStore(t), t.Context()
	other := open(t, s.Dir())
	first := must(s.Use(ctx, UseOptions{User: "first"}))(t)
	name := first.Volume().Name
	second := must(other.Use(ctx, UseOptions{Name: name, User: "second", Existing: true}))(t)
	if _, err := other.Use(ctx, UseOptions{Name: name, User: "first"}); !errors.Is(err, ErrInUse) {
		t.Error(err)
	}
	err := s.Remove(ctx, name, RemoveOptions{})
	if e, is := errors.AsType[*InUseError](err); !is || strings.Join(e.Users, " ") != "first second" {
		t.Error(err)
	}
	ok(t, first.Release(ctx))
	ok(t, first.Release(ctx))
	if err := first.Begin(ctx, nil); !errors.Is(err, ErrReleased) {
		t.Error(err)
	}
	if got := named(t, s); got != name {
		t.Error(got)
	}
	ok(t, second.Release(ctx))
	if got := named(t, s); got != "" {
		t.Error(got)
	}
	kept := must(s.Use(ctx, UseOptions{User: "first", Keep: true}))(t)
	ok(t, kept.Release(ctx))
	data := must(s.Use(ctx, UseOptions{Name: "data", User: "first"}))(t)
	ok(t, data.Release(ctx))
	if r := must(s.Collect(ctx))(t); len(r.Volumes) > 0 {
		t.Error(r)
	}
	if r := must(s.Prune(ctx, PruneOptions{}))(t); len(r.Volumes) != 1 || r.Volumes[0] != kept.Volume().Name {
		t.Error(r)
	}
	if r := must(s.Prune(ctx, PruneOptions{All: true, Labels: []string{"x"}}))(t); len(r.Volumes) > 0 {
		t.Error(r)
	}
	if _, err := s.Use(ctx, UseOptions{Name: "none", User: "first", Existing: true}); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.Use(ctx, UseOptions{Name: "data", User: "../x"}); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	ok(t, s.Remove(ctx, "data", RemoveOptions{}))
	if err := s.Remove(ctx, "data", RemoveOptions{}); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	ok(t, s.Remove(ctx, "data", RemoveOptions{Force: true}))
	consistent(t, s)
}

// TestBegin: a volume is filled when it is empty and nobody has begun to use it.
func TestBegin(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	use := func(user string) *Ref {
		t.Helper()
		r := must(s.Use(ctx, UseOptions{Name: "data", User: user}))(t)
		t.Cleanup(func() { ok(t, r.Release(context.Background())) })
		return r
	}
	one, two, three := use("one"), use("two"), use("three")
	broken := errors.New("broken")
	if err := one.Begin(ctx, func(dir *os.File) error { return errors.Join(fillIn(s)(dir), broken) }); !errors.Is(err, broken) {
		t.Error(err)
	}
	ok(t, one.Begin(ctx, func(*os.File) error { return Nothing() }))
	ok(t, two.Begin(ctx, func(*os.File) error { t.Error("filled while another uses it"); return nil }))
	consistent(t, s)
	ok(t, one.Release(ctx))
	ok(t, two.Release(ctx))
	ok(t, three.Begin(ctx, func(dir *os.File) error { return errors.Join(fillIn(s)(dir), dir.Chmod(0o711)) }))
	ok(t, use("four").Begin(ctx, func(*os.File) error { t.Error("filled twice"); return nil }))
	if info := must(os.Stat(three.Volume().Path))(t); info.Mode().Perm() != 0o711 {
		t.Error(info.Mode())
	}
	consistent(t, s)
}

// TestHostileContent: whatever programs put into a volume, it is measured and
// removed, and nothing else is.
func TestHostileContent(t *testing.T) {
	testutil.Unchanged(t)
	s, ctx := newStore(t), t.Context()
	v := must(s.Create(ctx, Options{Name: "data"}))(t)
	outside := t.TempDir()
	ok(t, os.WriteFile(outside+"/precious", []byte("x"), 0o600))
	ok(t, os.Symlink(outside, v.Path+"/link"))
	ok(t, os.Symlink("..", v.Path+"/up"))
	ok(t, syscall.Mkfifo(v.Path+"/fifo", 0o600))
	ok(t, os.WriteFile(v.Path+"/file", make([]byte, 1<<20), 0o600))
	ok(t, os.Link(v.Path+"/file", v.Path+"/again"))
	ok(t, os.MkdirAll(v.Path+"/locked/in", 0o700))
	ok(t, os.Chmod(v.Path+"/locked/in", 0))
	deep := must(os.OpenRoot(v.Path))(t)
	const depth = 3000 // more than descriptors, and longer than any path
	for range depth {
		ok(t, deep.Mkdir("deep-deep-deep", 0o700))
		next := must(deep.OpenRoot("deep-deep-deep"))(t)
		ok(t, deep.Close())
		deep = next
	}
	ok(t, deep.Close())
	if testutil.IsRoot() {
		bytes := must(s.Usage(ctx, "data"))(t)
		if bytes < 1<<20 || bytes > 1<<20+depth*8192 {
			t.Errorf("%d bytes", bytes)
		}
	} else if _, err := s.Usage(ctx, "data"); !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
	r := must(s.Prune(ctx, PruneOptions{All: true}))(t)
	if len(r.Volumes) != 1 || r.Bytes < 1<<20 {
		t.Errorf("%+v", r)
	}
	consistent(t, s)
	if _, err := os.Stat(outside + "/precious"); err != nil {
		t.Error(err)
	}
}

// TestMounted: nothing that is mounted in a volume is removed, and the volume
// stays.
func TestMounted(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	s, ctx := open(t, filepath.Join(t.TempDir(), "vol umes")), t.Context()
	v := must(s.Create(ctx, Options{Name: "data"}))(t)
	outside := t.TempDir()
	ok(t, os.WriteFile(outside+"/precious", []byte("x"), 0o600))
	ok(t, os.Mkdir(v.Path+"/m", 0o700))
	ok(t, syscall.Mount(outside, v.Path+"/m", "", syscall.MS_BIND, ""))
	if err := s.Remove(ctx, "data", RemoveOptions{Force: true}); !errors.Is(err, ErrMounted) {
		t.Error(err)
	}
	if _, err := s.Prune(ctx, PruneOptions{All: true}); !errors.Is(err, ErrMounted) {
		t.Error(err)
	}
	// Not even when it is mounted at the last moment.
	dir := must(os.Open(v.Path))(t)
	if _, err := removeTree(ctx, dir, "m"); !errors.Is(err, ErrMounted) {
		t.Error(err)
	}
	ok(t, dir.Close())
	must(s.Usage(ctx, "data"))(t)
	ok(t, syscall.Unmount(v.Path+"/m", 0))
	if _, err := os.Stat(outside + "/precious"); err != nil {
		t.Error(err)
	}
	ok(t, s.Remove(ctx, "data", RemoveOptions{}))
	consistent(t, s)
}

// TestOpen: a directory that is another's, or holds something else, is none.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	ok(t, os.Chmod(dir, 0o777))
	if _, err := Open(dir); !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
	ok(t, os.Chmod(dir, 0o700))
	ok(t, os.WriteFile(dir+"/x", nil, 0o600))
	if _, err := Open(dir); !errors.Is(err, ErrNotStore) {
		t.Error(err)
	}
	if _, err := Open(dir + "/x"); !errors.Is(err, ErrNotStore) {
		t.Error(err)
	}
	s := newStore(t)
	ok(t, os.WriteFile(s.Dir()+"/version", []byte("99\n"), 0o600))
	if _, err := Open(s.Dir()); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
	var none *Store
	ok(t, none.Close())
}

// TestDetach: a reference goes on in whoever has the file.
func TestDetach(t *testing.T) {
	testutil.Unchanged(t)
	s, ctx := newStore(t), t.Context()
	r := must(s.Use(ctx, UseOptions{User: "me"}))(t)
	o := UseOptions{Name: r.Volume().Name, User: "me"}
	f := must(r.Detach())(t)
	ok(t, r.Release(ctx))
	if _, err := r.Detach(); !errors.Is(err, ErrReleased) {
		t.Error(err)
	}
	if err := s.Remove(ctx, o.Name, RemoveOptions{}); !errors.Is(err, ErrInUse) {
		t.Error(err)
	}
	other := open(t, s.Dir())
	for _, wrong := range []UseOptions{{Name: "none", User: "me"}, {Name: o.Name, User: "you"}, {Name: o.Name}} {
		if _, err := other.Inherit(wrong, f); err == nil {
			t.Errorf("%+v", wrong)
		}
	}
	lock := must(os.OpenFile(filepath.Join(s.Dir(), "volumes", o.Name, "lock"), os.O_RDWR, 0))(t)
	if _, err := other.Inherit(o, lock); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	ok(t, lock.Close())
	again := must(other.Inherit(o, f))(t)
	ok(t, again.Begin(ctx, nil))
	ok(t, again.Release(ctx))
	if got := named(t, s); got != "" {
		t.Error(got)
	}
}
