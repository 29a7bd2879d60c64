package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
)

func ips(list ...string) []netip.Addr {
	var all []netip.Addr
	for _, a := range list {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

func newZone(t testing.TB, domain string) *Zone {
	t.Helper()
	z, err := NewZone(domain)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func add(t testing.TB, z *Zone, owner string, names []string, addrs ...string) {
	t.Helper()
	if err := z.Add(owner, names, ips(addrs...)); err != nil {
		t.Fatal(err)
	}
}

// shown is what a look-up gave, in any order.
func shown[T any](list []T, known bool) string {
	var s []string
	for _, x := range list {
		s = append(s, fmt.Sprint(x))
	}
	slices.Sort(s)
	return fmt.Sprint(s, known)
}

func TestZone(t *testing.T) {
	z := newZone(t, "Shop.")
	add(t, z, "1", []string{"db", "DB", "Database"}, "172.20.0.2", "fd00::2", "::ffff:172.20.0.2")
	add(t, z, "2", []string{"web1", "web"}, "172.20.0.3")
	add(t, z, "3", []string{"web2", "web"}, "172.20.0.4", "fe80::1%eth0")
	add(t, z, "4", []string{"idle"})
	add(t, z, "5", nil, "172.20.0.5")
	add(t, z, "6", []string{"shared"}, "172.20.0.3")
	for name, want := range map[string]string{
		"db": "[172.20.0.2 fd00::2] true", "DB.": "[172.20.0.2 fd00::2] true", "database.SHOP.": "[172.20.0.2 fd00::2] true",
		"web": "[172.20.0.3 172.20.0.4 fe80::1] true", "web2.shop": "[172.20.0.4 fe80::1] true", "idle": "[] true",
		"shop": "[] false", ".shop": "[] false", "": "[] false", ".": "[] false", "db.shop.shop": "[] false", "dbshop": "[] false", "x.db": "[] false",
	} {
		if got := shown(z.Lookup(name)); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
	for addr, want := range map[string]string{
		"172.20.0.2": "[db.shop] true", "::ffff:172.20.0.2": "[db.shop] true", "172.20.0.3": "[shared.shop web1.shop] true",
		"fe80::1%x": "[web2.shop] true", "172.20.0.5": "[] true", "172.20.0.9": "[] false",
	} {
		if got := shown(z.Reverse(netip.MustParseAddr(addr))); got != want {
			t.Errorf("%s: %s, not %s", addr, got, want)
		}
	}
	add(t, z, "2", []string{"new"}, "172.20.0.7") // in place of what it had
	z.Remove("3")
	z.Remove("nobody")
	for name, want := range map[string]string{"web": "[] false", "web1": "[] false", "new": "[172.20.0.7] true"} {
		if got := shown(z.Lookup(name)); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
	for _, o := range []string{"1", "2", "4", "5", "6"} {
		z.Remove(o)
	}
	if len(z.owners)+len(z.names)+len(z.addrs) != 0 {
		t.Errorf("left: %v %v %v", z.owners, z.names, z.addrs)
	}
}

// TestZoneTurns: each owner of a name comes first at times.
func TestZoneTurns(t *testing.T) {
	z := newZone(t, "")
	for i := range 3 {
		add(t, z, fmt.Sprint(i), []string{"web"}, fmt.Sprintf("172.20.0.%d", i))
	}
	first := make(map[netip.Addr]int)
	for range 1000 {
		addrs, _ := z.Lookup("web")
		if len(addrs) != 3 {
			t.Fatal(addrs)
		}
		first[addrs[0]]++
	}
	if len(first) != 3 {
		t.Error(first)
	}
}

func TestZoneErrors(t *testing.T) {
	long := strings.Repeat("a", 63)
	z := newZone(t, "shop")
	add(t, z, "1", []string{"db"}, "172.20.0.2")
	for _, name := range []string{
		"", ".", "a..b", ".a", "a b", "a\nb", "ä", "a\x00", "#a", long + "a",
		strings.Join([]string{long, long, long, long}, "."), strings.Join([]string{long, long, long, long[:58]}, "."),
	} {
		var bad *NameError
		if err := z.Add("1", []string{"new", name}, ips("172.20.0.3")); !errors.As(err, &bad) {
			t.Errorf("%q: %v", name, err)
		}
		if name != "" && name != "." {
			if _, err := NewZone(name); !errors.As(err, &bad) && len(name) > 253 {
				t.Errorf("domain %q: %v", name, err)
			}
		}
	}
	if err := z.Add("1", []string{"new"}, []netip.Addr{{}}); err == nil {
		t.Error("no address is one")
	}
	if got := shown(z.Lookup("db")); got != "[172.20.0.2] true" {
		t.Errorf("after errors: %s", got)
	}
}

// TestZoneConcurrent is for the race detector. A reader sees all of an owner or
// nothing.
func TestZoneConcurrent(t *testing.T) {
	z := newZone(t, "shop")
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			own := fmt.Sprintf("own%d", i)
			for n := range 200 {
				addr := fmt.Sprintf("10.0.%d.%d", i, n)
				if err := z.Add(own, []string{own, "all"}, ips(addr)); err != nil {
					t.Error(err)
				}
				if got := shown(z.Lookup(own)); got != "["+addr+"] true" {
					t.Error(got)
				}
				z.Lookup("all")
				z.Reverse(netip.MustParseAddr(addr))
				z.Remove(own)
			}
		})
	}
	group.Wait()
	if _, known := z.Lookup("all"); known {
		t.Error("a name is left")
	}
}

// TestChain: the first that has an address counts.
func TestChain(t *testing.T) {
	a, b := newZone(t, "a"), newZone(t, "b")
	add(t, a, "1", []string{"db", "idle"})
	add(t, b, "2", []string{"db"}, "10.0.0.2")
	add(t, b, "3", []string{"web"}, "10.0.0.3")
	add(t, a, "4", []string{"web"}, "10.0.0.4")
	add(t, a, "5", nil, "10.0.0.2")
	c := Chain{a, b}
	for name, want := range map[string]string{
		"db": "[10.0.0.2] true", "web": "[10.0.0.4] true", "web.b": "[10.0.0.3] true", "idle": "[] true", "x": "[] false",
	} {
		if got := shown(c.Lookup(name)); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
	for addr, want := range map[string]string{"10.0.0.2": "[db.b] true", "10.0.0.4": "[web.a] true", "10.0.0.9": "[] false"} {
		if got := shown(c.Reverse(netip.MustParseAddr(addr))); got != want {
			t.Errorf("%s: %s, not %s", addr, got, want)
		}
	}
}
