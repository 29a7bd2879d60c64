package fs_test

import (
	iofs "io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/fs"
)

// change makes a mount with other fields.
func change(m fs.Mount, f func(*fs.Mount)) fs.Mount {
	f(&m)
	return m
}

func readOnly(m *fs.Mount)     { m.ReadOnly = true }
func noCopy(m *fs.Mount)       { m.NoCopy = true }
func createSource(m *fs.Mount) { m.CreateSource = true }

func TestParseVolume(t *testing.T) {
	bind := change(fs.Bind("/a", "/b"), createSource)
	for s, want := range map[string]fs.Mount{
		"/data":                      fs.Anonymous("/data"),
		"/data/":                     fs.Anonymous("/data"),
		"/a/../data":                 {},
		"data:/b":                    fs.Volume("data", "/b"),
		"da.ta_1-x:/b/c/":            fs.Volume("da.ta_1-x", "/b/c"),
		"data:/b:ro":                 change(fs.Volume("data", "/b"), readOnly),
		"data:/b:rw":                 fs.Volume("data", "/b"),
		"data:/b:nocopy":             change(fs.Volume("data", "/b"), noCopy),
		"data:/b:ro,nocopy,z":        change(change(fs.Volume("data", "/b"), noCopy), readOnly),
		"/a:/b":                      bind,
		"/a/./x/..:/b":               bind,
		"/a:/b:ro":                   change(bind, readOnly),
		"/a:/b:Z,rprivate,cached":    bind,
		"/a:/b:private":              bind,
		"/a:/b:consistent,delegated": {},
		"ro:/b":                      fs.Volume("ro", "/b"),
	} {
		got, err := fs.ParseVolume(s)
		if want.Type == "" {
			if err == nil {
				t.Errorf("%s: %+v", s, got)
			}
			continue
		}
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", s, err, d)
		}
	}
}

func TestParseVolumeErrors(t *testing.T) {
	for s, want := range map[string]string{
		"":                       "empty",
		"data":                   `target "data" is not an absolute path`,
		":/b":                    "a part is empty",
		"/a:":                    "a part is empty",
		"a::ro":                  "a part is empty",
		"data:/b:":               "a part is empty",
		"/a:/b:ro:x":             "more than three parts",
		"/data:ro":               `"ro" is an option and no target`,
		"/data:ro,z":             "is an option and no target",
		"./x:/b":                 `source "./x" is a relative path`,
		"../x:/b":                "is a relative path",
		"x/y:/b":                 "is a relative path",
		"x:/b":                   "volume name \"x\"",
		"da ta:/b":               "volume name",
		"data:b":                 `target "b" is not an absolute path`,
		"data:/":                 "is the root",
		"data:/proc/x":           "file system of the kernel",
		"data:/b:what":           `unknown option "what"`,
		"data:/b:ro,rw":          `options "ro" and "rw"`,
		"data:/b:ro,ro":          `options "ro" and "ro"`,
		"data:/b:z,Z":            `options "z" and "Z"`,
		"data:/b:nocopy,nocopy":  "there can be one",
		"/a:/b:private,rprivate": "there can be one",
		"/a:/b:shared":           `propagation "shared"`,
		"/a:/b:rslave":           `propagation "rslave"`,
		"/a:/b:nocopy":           "a bind mount copies nothing",
		"/a\x00:/b":              "NUL",
		"data:/b/../c":           `".."`,
	} {
		m, err := fs.ParseVolume(s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", s, m, err, want)
		}
	}
}

func TestParseMount(t *testing.T) {
	for s, want := range map[string]fs.Mount{
		"type=bind,source=/a,target=/b":                              fs.Bind("/a", "/b"),
		"type=bind,src=/a,dst=/b,readonly":                           fs.BindRO("/a", "/b"),
		"TYPE=BIND,src=/a,destination=/b,ro=1":                       fs.BindRO("/a", "/b"),
		"type=bind,src=/a,dst=/b,ro=false,bind-propagation=rprivate": fs.Bind("/a", "/b"),
		"type=bind,src=/a,dst=/b,bind-recursive=disabled":            change(fs.Bind("/a", "/b"), func(m *fs.Mount) { m.Flat = true }),
		"type=bind,src=/a,dst=/b,bind-nonrecursive":                  change(fs.Bind("/a", "/b"), func(m *fs.Mount) { m.Flat = true }),
		"type=bind,src=/a,dst=/b,bind-create-src,consistency=cached": change(fs.Bind("/a", "/b"), createSource),
		`type=bind,"src=/a,b",dst=/b`:                                fs.Bind("/a,b", "/b"),
		`type=bind,"src=/a""q",dst=/b`:                               fs.Bind(`/a"q`, "/b"),
		"type=volume,source=data,target=/b":                          fs.Volume("data", "/b"),
		"source=data,target=/b":                                      fs.Volume("data", "/b"),
		"target=/b":                                                  fs.Anonymous("/b"),
		"type=volume,src=data,dst=/b,volume-nocopy,ro":               change(change(fs.Volume("data", "/b"), noCopy), readOnly),
		"type=volume,src=data,dst=/b,volume-nocopy=false":            fs.Volume("data", "/b"),
		"src=data,dst=/b,volume-subpath=x/y":                         change(fs.Volume("data", "/b"), func(m *fs.Mount) { m.Subpath = "x/y" }),
		"type=tmpfs,target=/b":                                       fs.Tmpfs("/b", 0),
		"type=tmpfs,dst=/b,tmpfs-size=64m,tmpfs-mode=1770":           change(fs.Tmpfs("/b", 64<<20), func(m *fs.Mount) { m.Mode = 0o770 | iofs.ModeSticky }),
		"type=tmpfs,dst=/b,tmpfs-size=1.5GiB":                        fs.Tmpfs("/b", 3<<29),
		"type=tmpfs,dst=/b,tmpfs-size=4096,tmpfs-mode=700":           change(fs.Tmpfs("/b", 4096), func(m *fs.Mount) { m.Mode = 0o700 }),
	} {
		got, err := fs.ParseMount(s)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", s, err, d)
		}
	}
}

func TestParseMountErrors(t *testing.T) {
	for s, want := range map[string]string{
		"":                                                "read fields",
		"type=bind":                                       `source ""`,
		"type=bind,src=/a":                                "target is missing",
		"type=bind,src=a,dst=/b":                          `source "a" of a bind mount is not an absolute path`,
		"type=bind,src=/a,dst=b":                          `target "b" is not an absolute path`,
		"type=volume,src=/a,dst=/b":                       "use type=bind",
		"src=./a,dst=/b":                                  "is a relative path",
		"type=npipe,src=/a,dst=/b":                        `type "npipe" is none of bind, volume, tmpfs`,
		"type=file,dst=/b":                                `type "file" is none`,
		"type=tmpfs,src=/a,dst=/b":                        "a tmpfs has none",
		"type=bind,src=/a,dst=/b,what=1":                  `unknown option "what"`,
		"type=bind,src=/a,dst=/b,":                        `unknown option ""`,
		"type=bind,src=/a,source=/c,dst=/b":               `options "src" and "source"`,
		"type=bind,src=/a,dst=/b,target=/c":               `options "dst" and "target"`,
		"type=bind,src=/a,dst=/b,ro,readonly":             `options "ro" and "readonly"`,
		"type=bind,src=/a,dst=/b,ro=maybe":                `"maybe" is neither true nor false`,
		"type=bind,src=/a,dst=":                           `option "dst" has no value`,
		"type=bind,src,dst=/b":                            `option "src" has no value`,
		"type=bind,src=/a,dst=/b,volume-nocopy":           "is for type volume, not for bind",
		"type=volume,dst=/b,tmpfs-size=1":                 "is for type tmpfs, not for volume",
		"type=tmpfs,dst=/b,bind-propagation=private":      "is for type bind, not for tmpfs",
		"type=bind,src=/a,dst=/b,bind-propagation=shared": `propagation "shared"`,
		"type=bind,src=/a,dst=/b,bind-recursive=writable": "writable",
		"type=bind,src=/a,dst=/b,bind-recursive=x":        `"x" is none`,
		"type=tmpfs,dst=/b,tmpfs-size=lots":               `"lots" is no size`,
		"type=tmpfs,dst=/b,tmpfs-size=-1":                 `"-1" is no size`,
		"type=tmpfs,dst=/b,tmpfs-mode=9":                  `"9" is no permission`,
		"type=tmpfs,dst=/b,tmpfs-mode=4755":               `"4755" is no permission`,
		"src=data,dst=/b,volume-subpath=../x":             `".."`,
		"src=data,dst=/b,volume-subpath=/x":               "is absolute",
		`type=bind,"src=/a,dst=/b`:                        "read fields",
		"type=bind,src=/a,dst=/b\ntype=bind":              "more than one line",
	} {
		m, err := fs.ParseMount(s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", s, m, err, want)
		}
	}
}

func TestVolumesPrintThemselves(t *testing.T) {
	for want, m := range map[string]fs.Mount{
		"volume data on /b":                         fs.Volume("data", "/b"),
		"anonymous volume on /b":                    fs.Anonymous("/b"),
		"volume data (x) on /b, no copy, read-only": change(change(fs.Volume("data", "/b"), noCopy), func(m *fs.Mount) { m.ReadOnly, m.Subpath = true, "x" }),
	} {
		if got := m.String(); got != want || m.Validate() != nil {
			t.Errorf("%q, want %q; %v", got, want, m.Validate())
		}
	}
	for _, m := range []fs.Mount{
		fs.Volume("a/b", "/c"), fs.Volume(strings.Repeat("a", 256), "/c"), change(fs.Bind("/a", "/b"), noCopy), change(fs.Tmpfs("/b", 0), createSource),
		change(fs.Volume("data", "/b"), createSource), change(fs.Volume("data", "/b"), func(m *fs.Mount) { m.Size = 1 }),
		change(fs.Bind("/a", "/b"), func(m *fs.Mount) { m.Name = "data" }), change(fs.Volume("data", "/b"), func(m *fs.Mount) { m.Source = "x" }),
	} {
		if err := m.Validate(); err == nil {
			t.Errorf("%+v is valid", m)
		}
	}
}

// valid fails the test unless what was parsed makes sense.
func valid(t *testing.T, s string, m fs.Mount) {
	t.Helper()
	if err := m.Validate(); err != nil {
		t.Errorf("%q: %+v: %v", s, m, err)
	}
	if m.Type == fs.TypeFile || m.HostOwners || !strings.HasPrefix(m.Target, "/") || strings.Contains(m.Target+"/", "/../") {
		t.Errorf("%q: %+v", s, m)
	}
}

// FuzzParseVolume: what can be read is valid, and says where everything is.
func FuzzParseVolume(f *testing.F) {
	for _, s := range []string{"/data", "data:/b:ro,nocopy", "/a:/b:z", "a:b:c:d", ":::", "./x:/b", "/a:/b:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := fs.ParseVolume(s)
		if err != nil {
			return
		}
		valid(t, s, m)
		again := m.Target
		if m.Type == fs.TypeBind {
			again = m.Source + ":" + again
		} else if m.Name != "" {
			again = m.Name + ":" + again
		}
		mode := ""
		if m.ReadOnly {
			mode = "ro"
		}
		if m.NoCopy {
			mode = strings.TrimPrefix(mode+",nocopy", ",")
		}
		if mode != "" {
			again += ":" + mode
		}
		if back, err := fs.ParseVolume(again); err != nil || !cmp.Equal(back, m) {
			t.Errorf("%q is %+v; %q is %+v, %v", s, m, again, back, err)
		}
	})
}

// FuzzParseMount: what can be read is valid.
func FuzzParseMount(f *testing.F) {
	for _, s := range []string{"type=bind,src=/a,dst=/b", `type=bind,"src=/a,b",dst=/b,ro`, "dst=/b,volume-nocopy", "type=tmpfs,dst=/b,tmpfs-size=1k,tmpfs-mode=777", ",", `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := fs.ParseMount(s); err == nil {
			valid(t, s, m)
		}
	})
}
