package dns

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestParseResolvConf(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       ResolvConf
		ndots      int
	}{
		{"empty", "", ResolvConf{}, 1},
		{
			"usual", "# made by hand\nnameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch corp.example example.com\noptions ndots:5 timeout:2\n",
			ResolvConf{ips("10.0.0.1", "10.0.0.2"), []string{"corp.example", "example.com"}, []string{"ndots:5", "timeout:2"}},
			5,
		},
		{"the last search counts", "search a b\ndomain c d\n", ResolvConf{Search: []string{"c"}}, 1},
		{"the last domain counts", "domain c\nsearch a. B\n", ResolvConf{Search: []string{"a", "B"}}, 1},
		{"no search", "search a\nsearch .\n", ResolvConf{}, 1},
		{"options add up", "options ndots:2\noptions ndots:99 rotate", ResolvConf{Options: []string{"ndots:2", "ndots:99", "rotate"}}, 15},
		{"bad ndots", "options ndots:2 ndots:x ndots:-1 ndots:", ResolvConf{Options: []string{"ndots:2", "ndots:x", "ndots:-1", "ndots:"}}, 2},
		{
			"comments and spaces", " nameserver\t10.0.0.1 # first\r\n;nameserver 10.0.0.2\nnameserver ::1%lo ; x\nsearch a #b c\n",
			ResolvConf{Servers: ips("10.0.0.1", "::1%lo"), Search: []string{"a"}},
			1,
		},
		{"nonsense", "nameserver\nnameserver x\nnameserver 10.0.0.256\nsearch\noptions\n\x00\nfoo bar\nsearch a..b \xff\n", ResolvConf{}, 1},
	} {
		got := ParseResolvConf([]byte(c.text))
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
		if got.NDots() != c.ndots {
			t.Errorf("%s: ndots %d, not %d", c.name, got.NDots(), c.ndots)
		}
	}
}

func TestFormatResolvConf(t *testing.T) {
	for _, c := range []struct {
		conf ResolvConf
		want string // or a part of the error
	}{
		{ResolvConf{}, ""},
		{Inside(nil, nil), "nameserver 127.0.0.11\noptions ndots:0\n"},
		{Inside([]string{"corp.example"}, []string{"rotate"}), "nameserver 127.0.0.11\nsearch corp.example\noptions ndots:0 rotate\n"},
		{Inside(nil, []string{"ndots:2"}), "nameserver 127.0.0.11\noptions ndots:2\n"},
		{ResolvConf{Servers: ips("8.8.8.8", "fe80::1%eth0")}, "nameserver 8.8.8.8\nnameserver fe80::1%eth0\n"},
		{ResolvConf{Servers: make([]netip.Addr, 1)}, "is no address"},
		{ResolvConf{Servers: []netip.Addr{netip.MustParseAddr("fe80::1").WithZone("a\nb")}}, "is no address"},
		{ResolvConf{Search: []string{"a\nnameserver 6.6.6.6"}}, "invalid host name"},
		{ResolvConf{Search: []string{";a"}}, "comment"},
		{ResolvConf{Search: []string{""}}, "invalid host name"},
		{ResolvConf{Options: []string{"a b"}}, "is no word"},
		{ResolvConf{Options: []string{""}}, "is no word"},
		{ResolvConf{Options: []string{"#a"}}, "is no word"},
	} {
		got, err := c.conf.Format()
		if err != nil && (!strings.Contains(err.Error(), c.want) || c.want == "") || err == nil && string(got) != c.want {
			t.Errorf("%v: %q, %v, not %q", c.conf, got, err, c.want)
		}
	}
}

func TestWithoutLoopback(t *testing.T) {
	docker := ips("8.8.8.8", "8.8.4.4")
	for _, c := range []struct{ servers, want []netip.Addr }{
		{nil, docker},
		{ips("127.0.0.53", "::1", "127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"), docker},
		{ips("127.0.0.53", "10.0.0.1", "fe80::1%eth0"), ips("10.0.0.1", "fe80::1%eth0")},
	} {
		conf := ResolvConf{Servers: c.servers, Search: []string{"a"}}
		if got := conf.WithoutLoopback(docker...); !reflect.DeepEqual(got.Servers, c.want) || len(got.Search) != 1 {
			t.Errorf("%v: %v", c.servers, got)
		}
	}
	if got := (ResolvConf{Servers: ips("127.0.0.53")}).WithoutLoopback(); len(got.Servers) != 0 {
		t.Errorf("asks %v, whom nobody named", got.Servers)
	}
	ups := ResolvConf{Servers: ips("0.0.0.0", "::", "127.0.0.53")}.Upstreams()
	if got := shown(ups, true); got != "[127.0.0.1:53 127.0.0.53:53 [::1]:53] true" {
		t.Error(got)
	}
}

const base = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"

func TestHosts(t *testing.T) {
	at := netip.MustParseAddr
	for _, c := range []struct {
		file HostsFile
		want string // or a part of the error
	}{
		{HostsFile{}, base},
		{HostsFile{
			Own:   []Host{{at("172.17.0.2"), []string{"web.corp.example", "web"}}, {at("fd00::2"), []string{"web"}}},
			Extra: []Host{{at("10.0.0.1"), []string{"build"}}},
			Links: []Host{LinkHost(at("172.17.0.3"), "db", "c3f5533f80e1", "importantData"), LinkHost(at("172.17.0.4"), "cache", "9d1b", "cache")},
		}, base + "172.17.0.3\tdb c3f5533f80e1 importantData\n172.17.0.4\tcache 9d1b\n10.0.0.1\tbuild\n172.17.0.2\tweb.corp.example web\nfd00::2\tweb\n"},
		{HostsFile{Links: []Host{LinkHost(at("172.17.0.3"), "db", "", "db")}}, base + "172.17.0.3\tdb\n"},
		{HostsFile{Extra: []Host{{Names: []string{"a"}}}}, "no address"},
		{HostsFile{Extra: []Host{{Addr: at("10.0.0.1")}}}, "no name"},
		{HostsFile{Extra: []Host{{at("10.0.0.1"), []string{"a\n6.6.6.6 bank"}}}}, "invalid host name"},
		{HostsFile{Own: []Host{{at("10.0.0.1"), []string{"a", ""}}}}, "invalid host name"},
		{HostsFile{Own: []Host{{at("10.0.0.1"), []string{"#a"}}}}, "invalid host name"},
	} {
		got, err := c.file.Format()
		if err != nil && !strings.Contains(err.Error(), c.want) || err == nil && string(got) != c.want {
			t.Errorf("%v: %q, %v, not %q", c.file, got, err, c.want)
		}
	}
}

// FuzzResolvConf: whatever is read can be written, and then says the same.
func FuzzResolvConf(f *testing.F) {
	f.Add([]byte("nameserver 10.0.0.1\nsearch a b\noptions ndots:0 rotate\n"))
	f.Add([]byte("nameserver fe80::1%eth0 # x\n;search a\ndomain \xff\noptions a;b #\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := ParseResolvConf(b)
		if n := c.NDots(); n < 0 || n > 15 {
			t.Errorf("ndots %d", n)
		}
		text, err := c.Format()
		if err != nil {
			t.Fatal(err)
		}
		if again := ParseResolvConf(text); !reflect.DeepEqual(again, c) && len(c.Servers)+len(c.Search)+len(c.Options) > 0 {
			t.Errorf("%q: %v, then %v", b, c, again)
		}
	})
}
