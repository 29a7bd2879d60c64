package ns_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/ns"
)

func TestMappings(t *testing.T) {
	block := ns.BlockMapping(1000000, 65536)
	single := ns.SingleMapping(5, 6, 1000, 1001)
	ranged := ns.RangedMapping(1000, 1001, ns.Range{Outside: 100000, Count: 10}, ns.Range{Outside: 200000, Count: 20})
	cases := []struct {
		m       ns.Mapping
		uid     uint32
		outside uint32
		ok      bool
	}{
		{block, 0, 1000000, true},
		{block, 65535, 1065535, true},
		{block, 65536, 0, false},
		{single, 5, 1000, true},
		{single, 0, 0, false},
		{ranged, 0, 1000, true},
		{ranged, 1, 100000, true},
		{ranged, 10, 100009, true},
		{ranged, 11, 0, false},
	}
	for _, c := range cases {
		if got, ok := c.m.UIDOutside(c.uid); got != c.outside || ok != c.ok {
			t.Errorf("%s: user %d is %d, %v outside, want %d, %v", c.m, c.uid, got, ok, c.outside, c.ok)
		}
	}
	if gid, ok := ranged.GIDOutside(20); gid != 200019 || !ok {
		t.Errorf("group 20 is %d, %v outside", gid, ok)
	}
	if !single.DenyGroups || block.DenyGroups || ranged.DenyGroups {
		t.Error("setgroups is denied for the wrong mappings")
	}
	if want := "uids 5:1000:1, gids 6:1001:1"; single.String() != want {
		t.Errorf("%q, want %q", single, want)
	}
}

func TestParseSubIDs(t *testing.T) {
	const content = "# comment\nuser:100000:65536\nother:1:1\n1000:300000:5\nuser:x:1\nuser:1\nuser:5:0\nuser:4294967295:1\nuser:200000:7\n:9:9\n"
	want := []ns.Range{{Outside: 100000, Count: 65536}, {Outside: 300000, Count: 5}, {Outside: 200000, Count: 7}}
	if d := cmp.Diff(want, ns.ParseSubIDs(content, "user", 1000)); d != "" {
		t.Error(d)
	}
	if got := ns.ParseSubIDs(content, "", 7); got != nil {
		t.Errorf("nobody has %v", got)
	}
}

func FuzzParseSubIDs(f *testing.F) {
	f.Add("user:100000:65536\n", "user", uint32(1000))
	f.Fuzz(func(t *testing.T, content, name string, uid uint32) {
		for _, r := range ns.ParseSubIDs(content, name, uid) {
			if r.Count == 0 || uint64(r.Outside)+uint64(r.Count) > 1<<32-1 {
				t.Errorf("range %v of %q", r, content)
			}
		}
	})
}

func TestSetJSON(t *testing.T) {
	s := ns.Set{Net: ns.OfPID(5), IPC: ns.OfHost(), UTS: ns.OfPath("/proc/1/ns/uts"), Clocks: &ns.Clocks{Boottime: time.Hour}}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back ns.Set
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s, back); d != "" {
		t.Errorf("%s: %s", b, d)
	}
	if want := "net: join process 5, ipc: host, uts: join /proc/1/ns/uts, time: monotonic 0s, boottime 1h0m0s"; s.String() != want {
		t.Errorf("%q, want %q", s.String(), want)
	}
	if zero := (&ns.Set{}).String(); zero != "all new" {
		t.Errorf("zero set: %q", zero)
	}
	for _, n := range []ns.Namespace{ns.OfName("x"), ns.OfFD(7), {}} {
		if n.String() == "" || n.Validate(ns.Net) != nil {
			t.Errorf("%q: %v", n, n.Validate(ns.Net))
		}
	}
}

func TestSetValidateReportsAll(t *testing.T) {
	s := ns.Set{Net: ns.Namespace{Mode: "x"}, IPC: ns.Namespace{PID: 1}, UTS: ns.Namespace{Mode: ns.Join, PID: -1}, Cgroup: ns.Namespace{Mode: ns.Join, PID: 1, Path: "/x"}}
	err := s.Validate()
	for _, want := range []string{"net namespace", "ipc namespace", "uts namespace", "cgroup namespace"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not mention the %s", err, want)
		}
	}
}
