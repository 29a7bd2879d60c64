package transfer

import (
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
)

// sample is a source: a file, and a directory with one of each kind.
func sample() fstest.MapFS {
	return fstest.MapFS{
		".":     {Mode: iofs.ModeDir | 0o755},
		"f":     {Data: []byte("file"), Mode: 0o640},
		"d":     {Mode: iofs.ModeDir | 0o750},
		"d/x":   {Data: []byte("x"), Mode: 0o755 | iofs.ModeSetuid},
		"d/l":   {Data: []byte("../../etc"), Mode: iofs.ModeSymlink | 0o777},
		"d/e":   {Mode: iofs.ModeDir | 0o700 | iofs.ModeSticky},
		"d/e/y": {Data: []byte("y"), Mode: 0o600},
		"lf":    {Data: []byte("f"), Mode: iofs.ModeSymlink | 0o777},
		"ld":    {Data: []byte("d"), Mode: iofs.ModeSymlink | 0o777},
	}
}

// below gives what "d" becomes at a path.
func below(at string) []string {
	return []string{"d " + at + " 750", "d " + at + "/e 1700", "f " + at + "/e/y 600 y", "l " + at + "/l ../../etc", "f " + at + "/x 4755 x"}
}

// TestCopyIn: where things go, by docker cp's rules.
func TestCopyIn(t *testing.T) {
	testutil.Unchanged(t)
	for what, c := range map[string]struct {
		have     []string
		src, dir string
		follow   bool
		want     []string
		err      error
	}{
		"file to nothing":                {nil, "f", "/new", false, []string{"f new 640 file"}, nil},
		"file to nothing/":               {nil, "f", "/new/", false, nil, ErrNoDirectory},
		"file to nothing/.":              {nil, "f", "/new/.", false, nil, ErrNoDirectory},
		"file without parent":            {nil, "f", "/no/new", false, nil, iofs.ErrNotExist},
		"file to file":                   {[]string{"file t old"}, "f", "t", false, []string{"f t 640 file"}, nil},
		"file to file/":                  {[]string{"file t old"}, "f", "t/", false, []string{"f t 644 old"}, ErrNotDirectory},
		"file to directory":              {[]string{"dir t"}, "f", "t", false, []string{"d t 755", "f t/f 640 file"}, nil},
		"file to root":                   {nil, "f", "/", false, []string{"f f 640 file"}, nil},
		"file above root":                {nil, "f", "../../..", false, []string{"f f 640 file"}, nil},
		"file/":                          {nil, "f/", "t", false, nil, ErrNotDirectory},
		"directory to nothing":           {nil, "d", "t", false, below("t"), nil},
		"directory to nothing/":          {nil, "d", "t/", false, below("t"), nil},
		"directory to file":              {[]string{"file t old"}, "d", "t", false, []string{"f t 644 old"}, ErrCopyDirectory},
		"directory to directory":         {[]string{"dir t 0711"}, "d", "t", false, append([]string{"d t 711"}, below("t/d")...), nil},
		"contents to directory":          {[]string{"dir t 0711"}, "d/.", "t", false, append([]string{"d t 711"}, below("t")[1:]...), nil},
		"contents to nothing":            {nil, "d/.", "t", false, below("t"), nil},
		"merge":                          {[]string{"dir t/d/e 0711", "file t/d/e/z z"}, "d", "t", false, nil, nil},
		"directory onto file below":      {[]string{"file t/d/e z"}, "d", "t", false, nil, ErrConflict},
		"directory onto link below":      {[]string{"link t/d /"}, "d", "t", false, []string{"d t 755", "l t/d /"}, ErrConflict},
		"file onto directory below":      {[]string{"dir t/f"}, "f", "t", false, []string{"d t 755", "d t/f 755"}, ErrConflict},
		"file replaces link below":       {[]string{"link t/f /t", "dir t"}, "f", "t", false, []string{"d t 755", "f t/f 640 file"}, nil},
		"file replaces FIFO":             {[]string{"fifo t/f"}, "f", "t", false, []string{"d t 755", "f t/f 640 file"}, nil},
		"through link to directory":      {[]string{"dir t", "link l /t"}, "f", "l", false, []string{"l l /t", "d t 755", "f t/f 640 file"}, nil},
		"through link to file":           {[]string{"file t old", "link l t"}, "f", "l", false, []string{"l l t", "f t 640 file"}, nil},
		"through dangling link":          {[]string{"dir t", "link a/l ../t/new"}, "f", "a/l", false, []string{"d a 755", "l a/l ../t/new", "d t 755", "f t/new 640 file"}, nil},
		"link that leads out":            {[]string{"link l ../../../new"}, "f", "l", false, []string{"l l ../../../new", "f new 640 file"}, nil},
		"link loop":                      {[]string{"link l l"}, "f", "l", false, []string{"l l l"}, syscall.ELOOP},
		"link as link":                   {nil, "lf", "t", false, []string{"l t f"}, nil},
		"link followed":                  {nil, "lf", "t", true, []string{"f t 640 file"}, nil},
		"link to directory as link":      {nil, "ld", "t", false, []string{"l t d"}, nil},
		"link to directory followed":     {nil, "ld", "t", true, below("t"), nil},
		"link to directory with a slash": {nil, "ld/", "t", false, below("t"), nil},
		"no source":                      {nil, "none", "t", false, nil, iofs.ErrNotExist},
		"bad source":                     {nil, "../f", "t", false, nil, iofs.ErrInvalid},
		"absolute source":                {nil, "/f", "t", false, nil, iofs.ErrInvalid},
		"no destination":                 {nil, "f", "", false, nil, iofs.ErrInvalid},
		"NUL":                            {nil, "f", "a\x00", false, nil, iofs.ErrInvalid},
		"name too long":                  {nil, "f", strings.Repeat("x", 300), false, nil, syscall.ENAMETOOLONG},
	} {
		t.Run(what, func(t *testing.T) {
			dir, root := newRoot(t, c.have...)
			err := CopyIn(t.Context(), root, c.dir, sample(), CopyOptions{IDs: own(), Source: c.src, FollowLinks: c.follow})
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			switch what {
			case "merge":
				want(t, dir, "d t 755", "d t/d 750", "d t/d/e 1700", "f t/d/e/y 600 y", "f t/d/e/z 644 z", "l t/d/l ../../etc", "f t/d/x 4755 x")
			case "directory onto file below":
				want(t, dir, "d t 755", "d t/d 755", "f t/d/e 644 z")
			default:
				want(t, dir, c.want...)
			}
		})
	}
}

// TestCopyInConflict: the error says where, in Docker's words.
func TestCopyInConflict(t *testing.T) {
	_, root := newRoot(t, "file d/e z")
	err := CopyIn(t.Context(), root, "/", sample(), CopyOptions{IDs: own(), Source: "d"})
	e, ok := errors.AsType[*ConflictError](err)
	if !ok || e.Path != "d/e" || e.Directory || !strings.Contains(err.Error(), `cannot overwrite non-directory "d/e" with directory`) {
		t.Errorf("%v", err)
	}
}

func TestCopyInTimesAndOwners(t *testing.T) {
	dir, root := newRoot(t)
	when := time.Unix(1e9, 123456789)
	src := fstest.MapFS{
		"d": {Mode: iofs.ModeDir | 0o755, ModTime: when}, "d/f": {ModTime: when, Mode: 0o644},
		"d/l": {ModTime: when, Mode: iofs.ModeSymlink | 0o777, Data: []byte("f")}, "d/now": {Mode: 0o644},
	}
	before := time.Now().Add(-time.Minute)
	if err := CopyIn(t.Context(), root, "/", src, CopyOptions{IDs: own()}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"d", "d/f", "d/l"} {
		if i := must(os.Lstat(filepath.Join(dir, p))); !i.ModTime().Equal(when) {
			t.Errorf("%s: %v", p, i.ModTime())
		}
	}
	if i := must(os.Stat(filepath.Join(dir, "d/now"))); i.ModTime().Before(before) {
		t.Errorf("without a time: %v", i.ModTime())
	}
	fail := func(uint32) (uint32, bool) { return 0, false }
	err := CopyIn(t.Context(), root, "/x", sample(), CopyOptions{IDs: IDs{Outside: IDMap{UID: fail}}, Source: "f"})
	if !errors.Is(err, ErrOwner) {
		t.Errorf("not mapped: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "x")); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("and yet: %v", err)
	}
}

func TestCopyInForOthers(t *testing.T) {
	testutil.NeedRoot(t)
	dir, root := newRoot(t)
	add := func(n uint32) func(uint32) (uint32, bool) {
		return func(id uint32) (uint32, bool) { return id + n, true }
	}
	o := CopyOptions{
		IDs:   IDs{Outside: IDMap{add(100000), add(200000)}},
		Owner: func(i iofs.FileInfo) (uid, gid uint32) { return 5, uint32(len(i.Name())) },
	}
	if err := CopyIn(t.Context(), root, "/", sample(), o); err != nil {
		t.Fatal(err)
	}
	for p, gid := range map[string]uint32{"f": 200001, "d": 200001, "lf": 200002, "d/x": 200001} {
		info := must(os.Lstat(filepath.Join(dir, p)))
		if st := info.Sys().(*syscall.Stat_t); st.Uid != 100005 || st.Gid != gid {
			t.Errorf("%s belongs to %d:%d", p, st.Uid, st.Gid)
		}
		if p == "d/x" && info.Mode()&iofs.ModeSetuid == 0 {
			t.Error("set-user-ID was lost")
		}
	}
	back, at := newRoot(t)
	o = CopyOptions{Owner: SourceOwner}
	if err := CopyIn(t.Context(), at, "/", NewFS(root, IDs{}), o); err != nil {
		t.Fatal(err)
	}
	if st := must(os.Lstat(filepath.Join(back, "d/x"))).Sys().(*syscall.Stat_t); st.Uid != 100005 || st.Gid != 200001 {
		t.Errorf("as in the source: %d:%d", st.Uid, st.Gid)
	}
	want(t, back, strings.Split(strings.TrimSpace(list(t, dir)), "\n")...)
}

// failing is a file system with one file that cannot be read to its end.
type failing struct {
	fstest.MapFS
	meet func()
}

func (f failing) Open(name string) (iofs.File, error) {
	file, err := f.MapFS.Open(name)
	if name == "d/x" && err == nil {
		return failingFile{file, f.meet}, nil
	}
	return file, err
}

type failingFile struct {
	iofs.File
	meet func()
}

func (f failingFile) Read(p []byte) (int, error) {
	if f.meet != nil {
		f.meet()
		return copy(p, "more"), nil
	}
	return 0, io.ErrUnexpectedEOF
}

// TestCopyInFails: what had the name stays, and nothing else is left behind.
func TestCopyInFails(t *testing.T) {
	testutil.Unchanged(t)
	dir, root := newRoot(t, "file d/x old")
	o := CopyOptions{IDs: own()}
	err := CopyIn(t.Context(), root, "/", failing{MapFS: sample()}, o)
	if pe, ok := errors.AsType[*iofs.PathError](err); !ok || pe.Path != "d/x" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	err = CopyIn(ctx, root, "/", failing{sample(), func() { cancel(why) }}, o)
	if !errors.Is(err, why) {
		t.Errorf("endless file: %v", err)
	}
	got := list(t, dir)
	if !strings.Contains(got, "f d/x 644 old\n") || strings.Contains(got, ".sandkit") {
		t.Errorf("left:\n%s", got)
	}
	special := fstest.MapFS{"p": {Mode: iofs.ModeNamedPipe | 0o600}}
	err = CopyIn(t.Context(), root, "/", special, o)
	if s, ok := errors.AsType[*SpecialError](err); !ok || s.Type != iofs.ModeNamedPipe {
		t.Errorf("FIFO: %v", err)
	}
}

// evil is a file system whose names lead elsewhere.
type evil struct {
	fstest.MapFS
	name string
}

func (e evil) ReadDir(string) ([]iofs.DirEntry, error) {
	return []iofs.DirEntry{renamed{must(e.MapFS.ReadDir("."))[0], e.name}}, nil
}

type renamed struct {
	iofs.DirEntry
	name string
}

func (r renamed) Name() string { return r.name }

func TestCopyInEvilNames(t *testing.T) {
	dir, root := newRoot(t, "dir in")
	for _, name := range []string{"..", ".", "", "a/b", "../x", "/x", "x\x00y"} {
		err := CopyIn(t.Context(), root, "in", evil{fstest.MapFS{"f": {}}, name}, CopyOptions{IDs: own()})
		if !errors.Is(err, iofs.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	want(t, dir, "d in 755")
}
