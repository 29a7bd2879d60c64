package passwd_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/internal/passwd"
)

const users = `root:x:0:0:root:/root:/bin/sh
# comment
broken:x:1
bad:x:-1:0::/:
wrap:x:4294967296:0::/:
none:x:4294967295:0::/:
dev:x:1000:1001:Dev:/home/dev:/bin/sh
1234:x:77:78:number as a name:/n:/bin/sh
nohome:x:5:6:::
`

const groups = `root:x:0:
dev:x:1001:
docker:x:999:dev,other
audio:x:29:dev, other
again:x:29:dev
broken:x
`

func TestResolve(t *testing.T) {
	cases := []struct {
		spec string
		want passwd.Identity
	}{
		{"", passwd.Identity{Name: "root", Home: "/root"}},
		{"root", passwd.Identity{Name: "root", Home: "/root"}},
		{"dev", passwd.Identity{UID: 1000, GID: 1001, Groups: []uint32{29, 999}, Name: "dev", Home: "/home/dev"}},
		{"1000", passwd.Identity{UID: 1000, GID: 1001, Groups: []uint32{29, 999}, Name: "dev", Home: "/home/dev"}},
		{"dev:root", passwd.Identity{UID: 1000, GID: 0, Name: "dev", Home: "/home/dev"}},
		{"dev:55", passwd.Identity{UID: 1000, GID: 55, Name: "dev", Home: "/home/dev"}},
		{"4242", passwd.Identity{UID: 4242, Home: "/"}},
		{"4242:4243", passwd.Identity{UID: 4242, GID: 4243, Home: "/"}},
		{"1234", passwd.Identity{UID: 77, GID: 78, Name: "1234", Home: "/n"}},
		{"nohome", passwd.Identity{UID: 5, GID: 6, Name: "nohome", Home: "/"}},
		{":dev", passwd.Identity{GID: 1001, Name: "root", Home: "/root"}},
	}
	for _, c := range cases {
		got, err := passwd.Resolve(c.spec, []byte(users), []byte(groups))
		if err != nil {
			t.Errorf("Resolve(%q): %v", c.spec, err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("Resolve(%q): -want +got\n%s", c.spec, d)
		}
	}
}

func TestResolveErrors(t *testing.T) {
	for _, spec := range []string{"nobody", "dev:nogroup", "-1", "4294967295", "4294967296", "bad", "wrap", "none", "+5", "0x10"} {
		if got, err := passwd.Resolve(spec, []byte(users), []byte(groups)); !errors.Is(err, passwd.ErrUnknown) {
			t.Errorf("Resolve(%q) = %+v, %v; want ErrUnknown", spec, got, err)
		}
	}
	if _, err := passwd.Resolve("dev:", nil, nil); err == nil {
		t.Error("an empty group was accepted")
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("dev:root", users, groups)
	f.Add("1:2", "a:b:c", ":::")
	f.Fuzz(func(t *testing.T, spec, users, groups string) {
		id, err := passwd.Resolve(spec, []byte(users), []byte(groups))
		if err == nil && (id.UID == 1<<32-1 || id.GID == 1<<32-1) {
			t.Errorf("%q became the id that means none: %+v", spec, id)
		}
		if err == nil && strings.HasPrefix(spec, "-") && !strings.Contains(users, "-") {
			t.Errorf("%q became %+v", spec, id)
		}
	})
}
