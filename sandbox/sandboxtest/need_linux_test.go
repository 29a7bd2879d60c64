package sandboxtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/sandbox"
)

func TestNeed(t *testing.T) {
	t.Setenv(RequireEnv, "")
	said := record(t, func(r *recorder) { Need(r, "no such feature") })
	has(t, said, `fatal: sandboxtest.Need: no feature is called "no such feature", only ["openat2"`)
	host, err := sandbox.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range host.List {
		said := record(t, func(r *recorder) { Need(r, f.Name) })
		if f.OK != (said == "") || !f.OK && !strings.HasPrefix(said, "skip: ") {
			t.Errorf("%v: said %q", f, said)
		}
	}
	for _, name := range essential {
		if !slices.ContainsFunc(host.List, func(f sandbox.Feature) bool { return f.Name == name }) {
			t.Errorf("nothing is called %q, which is essential", name)
		}
	}
}

func TestLacks(t *testing.T) {
	host := sandbox.Features{List: []sandbox.Feature{
		{Name: "openat2", OK: true},
		{Name: "own user namespace", Since: "3.8", Reason: "the administrator forbids it"},
		{Name: "overlayfs", Since: "3.18", Reason: "no module"},
		{Name: "Landlock", Since: "5.13"},
	}}
	cases := map[string][]string{
		"":          {"own user namespace no: the administrator forbids it (since Linux 3.8)"},
		"openat2":   {"own user namespace no: the administrator forbids it (since Linux 3.8)"},
		"overlayfs": {"own user namespace no: the administrator forbids it (since Linux 3.8)", "overlayfs no: no module (since Linux 3.18)"},
	}
	for ask, want := range cases {
		if got, err := lacks(host, strings.Fields(ask)); !slices.Equal(got, want) || err != nil {
			t.Errorf("%q: %q, %v", ask, got, err)
		}
	}
	host.List[1].OK = true
	if got, err := lacks(host, nil); len(got) != 0 || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzTail(f *testing.F) {
	f.Add([]byte("some output"), uint(3), uint16(20))
	f.Add([]byte("x"), uint(1), uint16(0))
	f.Fuzz(func(t *testing.T, chunk []byte, size uint, times uint16) {
		var all []byte
		var tail tail
		chunk = chunk[:min(len(chunk), int(size%4096))]
		for range times % 64 {
			if n, err := tail.Write(chunk); n != len(chunk) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
			all = append(all, chunk...)
		}
		end, over := tail.content()
		if over+len(end) != len(all) || len(end) != min(len(all), maxTail) || string(all[over:]) != string(end) {
			t.Errorf("%d bytes kept, %d let go of %d", len(end), over, len(all))
		}
	})
}
