package policy

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// decider takes options before the rules: "private loopback linkLocal unnamed ech".
func decider(t testing.TB, options, rules string) *Decider {
	t.Helper()
	parsed, err := Parse(rules)
	if err != nil {
		t.Fatal(err)
	}
	on := func(name string) bool { return slices.Contains(strings.Fields(options), name) }
	d, err := NewDecider(Policy{parsed, on("private"), on("loopback"), on("linkLocal"), on("unnamed"), on("ech")})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func pin(t testing.TB, d *Decider, name string, addrs ...string) {
	t.Helper()
	for _, a := range addrs {
		if _, err := d.Pin(name, []netip.Addr{netip.MustParseAddr(a)}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDecideByAddress: rules with addresses, ports and protocols, and what no rule
// reaches.
func TestDecideByAddress(t *testing.T) {
	for _, c := range []struct{ options, rules, yes, no string }{
		{"", "", "", "tcp/8.8.8.8:53 udp/8.8.8.8:53 tcp/[2606:4700::1]:443"},
		{"", "allow 8.8.8.8", "tcp/8.8.8.8:1 udp/8.8.8.8:65535 tcp/[::ffff:8.8.8.8]:53 tcp4/8.8.8.8:1", "tcp/8.8.8.9:1 tcp/8.8.8.8:0 sctp/8.8.8.8:1 tcp/[64:ff9b::808:808]:53 tcp/[2002:808:808::1]:53 tcp/[::808:808]:1"},
		{"", "allow udp 8.8.8.8:53", "udp/8.8.8.8:53 udp6/8.8.8.8:53", "tcp/8.8.8.8:53 udp/8.8.8.8:54"},
		{"", "allow tcp 8.8.8.0/24:80-90", "tcp/8.8.8.1:80 tcp/8.8.8.255:90", "tcp/8.8.8.1:79 tcp/8.8.8.1:91 tcp/8.8.9.0:80"},
		{"", "deny 8.8.8.8\nallow 8.8.8.0/24", "tcp/8.8.8.7:1", "tcp/8.8.8.8:1 tcp/[::ffff:8.8.8.8]:1"},
		{"", "allow 8.8.8.0/24\ndeny 8.8.8.8", "tcp/8.8.8.8:1", ""},
		{"", "deny 8.8.8.8\nallow *", "tcp/1.1.1.1:1 tcp/[64:ff9b::101:101]:1", "tcp/8.8.8.8:1 tcp/[64:ff9b::808:808]:1 tcp/[2002:808:808::1]:1 tcp/[::ffff:0:808:808]:1"},
		{"", "allow *", "tcp/8.8.8.8:1 tcp/[2606:4700::1]:1 udp/172.32.0.1:1 tcp/11.0.0.1:1", nowhere + " " + privates},
		{"", "allow 0.0.0.0/0\nallow [::/0]", "tcp/8.8.8.8:1 tcp/[2606:4700::1]:1", nowhere + " " + privates},
		{"private", "allow *", privates, nowhere},
		{"private", "allow 0.0.0.0/0\nallow [::/0]", privates, nowhere},
		{"private loopback linkLocal", "allow *\nallow 0.0.0.0/0\nallow [::/0]", privates, nowhere},
		{"", "allow 10.0.0.0/8:5432", "tcp/10.1.2.3:5432 tcp/[::ffff:10.1.2.3]:5432", "tcp/10.1.2.3:5433 tcp/11.0.0.1:5432 tcp/[64:ff9b::a01:203]:5432 tcp/[2002:a01:203::1]:5432"},
		{"", "allow 10.0.0.0/7", "tcp/11.0.0.1:1", "tcp/10.0.0.1:1"},
		{"", "allow 192.168.1.1", "tcp/192.168.1.1:1", "tcp/192.168.1.2:1"},
		{"", "allow [fd00::/8]", "tcp/[fd12::1]:1", "tcp/[fd00:ec2::254]:80 tcp/[fd20:ce::254]:80 tcp/[fc00::1]:1"},
		{"", "allow 100.64.0.0/10", "tcp/100.64.0.1:1", "tcp/100.100.100.200:80"},
		{"loopback", "allow 127.0.0.1:5432\nallow [::1]", "tcp/127.0.0.1:5432 tcp/[::1]:1 tcp/[::ffff:127.0.0.1]:5432", "tcp/127.0.0.1:80 tcp/127.0.0.2:5432 tcp/[::ffff:127.0.0.2]:5432 tcp/[64:ff9b::7f00:1]:5432 tcp/0.0.0.0:5432"},
		{"linkLocal", "allow 169.254.169.254:80\nallow 168.63.129.16\nallow [fe80::/10]", "tcp/169.254.169.254:80 tcp/168.63.129.16:1 tcp/[fe80::1%eth0]:1", "tcp/169.254.169.253:80 tcp/[fd00:ec2::254]:80 tcp/[64:ff9b::a9fe:a9fe]:80"},
	} {
		d := decider(t, c.options, c.rules)
		for _, where := range []struct {
			list string
			want bool
		}{{c.yes, true}, {c.no, false}} {
			for to := range strings.FieldsSeq(where.list) {
				network, addr, _ := strings.Cut(to, "/")
				got := d.Decide(Request{Network: network, Dst: netip.MustParseAddrPort(addr)})
				if got.Allowed != where.want || got.Reason == "" || got.Peek {
					t.Errorf("%q, %q: %s: %+v", c.options, c.rules, to, got)
				}
			}
		}
	}
	if got := decider(t, "", "allow *").Decide(Request{Network: "tcp"}); got.Allowed {
		t.Errorf("no address: %+v", got)
	}
}

// nowhere is what no broad rule reaches, in all forms; privates need the option.
const (
	nowhere = "tcp/127.0.0.1:1 tcp/127.255.255.255:1 tcp/[::1]:1 tcp/[::ffff:127.0.0.1]:1 tcp/[::7f00:1]:1 tcp/[64:ff9b::7f00:1]:1 " +
		"tcp/[2002:7f00:1::]:1 tcp/[::ffff:0:127.0.0.1]:1 tcp/169.254.169.254:80 tcp/169.254.0.1:1 tcp/[64:ff9b::a9fe:a9fe]:80 " +
		"tcp/[2002:a9fe:a9fe::1]:80 tcp/[::ffff:169.254.169.254]:80 tcp/[fe80::1]:1 tcp/[fe80::1%2]:1 tcp/[febf::1]:1 tcp/[fd00:ec2::254]:80 " +
		"tcp/[fd00:ec2::23]:80 tcp/168.63.129.16:80 tcp/100.100.100.200:80 tcp/192.0.0.192:80 tcp/0.0.0.0:1 tcp/0.1.2.3:1 tcp/[::]:1 " +
		"tcp/[::ffff:0.0.0.0]:1 tcp/[64:ff9b::]:1 tcp/224.0.0.251:5353 udp/239.1.1.1:1 tcp/[ff02::1]:1 tcp/[64:ff9b::e000:1]:1 " +
		"udp/255.255.255.255:1 tcp/240.0.0.1:1 tcp/[2001::1]:1 tcp/[64:ff9b:1::7f00:1]:1"
	privates = "tcp/10.0.0.1:1 tcp/172.16.0.1:1 tcp/172.31.255.255:1 tcp/192.168.0.1:1 tcp/100.64.0.1:1 tcp/[fc00::1]:1 tcp/[fd12::1]:1 " +
		"tcp/[::ffff:10.0.0.1]:1 tcp/[64:ff9b::a00:1]:1 tcp/[2002:a00:1::1]:1 tcp/[::a00:1]:1 tcp/198.18.0.1:1 tcp/[fec0::1]:1"
)

// TestDomain: which names a rule with a domain is for.
func TestDomain(t *testing.T) {
	for pattern, c := range map[string]struct{ yes, no string }{
		"example.com":   {"example.com EXAMPLE.com example.com.", "www.example.com evilexample.com example.com.evil.org example.co xexample.com com"},
		"*.example.com": {"www.example.com a.b.example.com WWW.Example.Com.", "example.com evilexample.com .example.com wwwexample.com example.com.evil.org www.example.com.evil.org"},
		".example.com":  {"example.com www.example.com a.b.example.com", "evilexample.com com example.com.org"},
		"*.com":         {"example.com a.b.com", "com example.org com.org"},
		"*":             {"example.com a localhost", "127.0.0.1 a..b bücher.example 1 0x7f.1 -a"},
	} {
		d := decider(t, "", "allow "+pattern)
		for name := range strings.FieldsSeq(c.yes) {
			if !d.AllowsName(name) {
				t.Errorf("%s does not match %s", pattern, name)
			}
		}
		for name := range strings.FieldsSeq(c.no) {
			if d.AllowsName(name) {
				t.Errorf("%s matches %s", pattern, name)
			}
		}
	}
}

// TestAllowsName: a name is asked for only if a connection could be allowed.
func TestAllowsName(t *testing.T) {
	for _, c := range []struct {
		rules string
		want  bool
	}{
		{"", false},
		{"allow 0.0.0.0/0", false},
		{"allow a.test", true},
		{"deny a.test\nallow .test", false},
		{"deny *\nallow .test", false},
		{"deny a.test:80\nallow .test:80", false},
		{"deny a.test:80\nallow .test:443", true},
		{"deny a.test:80\nallow .test", true},
		{"deny tcp a.test\nallow .test", true},
		{"deny tcp a.test\ndeny udp .test\nallow .test", false},
		{"deny a.test:40000-65535\ndeny a.test:1-20000\ndeny *:10000-40000\nallow a.test:1-65535", false},
		{"deny a.test:40001-65535\ndeny a.test:1-20000\ndeny *:10000-39999\nallow a.test:1-65535", true},
		{"deny b.test\nallow .test", true},
		{"deny 10.0.0.0/8\nallow .test", true},
	} {
		if got := decider(t, "", c.rules).AllowsName("a.test"); got != c.want {
			t.Errorf("%q: %v", c.rules, got)
		}
	}
}

// TestDecideByName: an address of a permitted name, and a permitted name.
func TestDecideByName(t *testing.T) {
	const good, shared, alien = "192.0.2.1", "192.0.2.2", "192.0.2.3"
	type ask struct {
		to   string
		port uint16
		app  App
		name string
		ech  bool
	}
	for _, c := range []struct {
		options, rules string
		ask            ask
		want           string // allowed, peek, or a part of the reason
	}{
		{"", "allow good.test", ask{good, 443, Unseen, "", false}, "peek"},
		{"", "allow good.test", ask{alien, 443, Unseen, "", false}, "no rule"},
		{"", "allow good.test", ask{good, 443, TLS, "good.test", false}, "allowed"},
		{"", "allow good.test", ask{good, 443, TLS, "GOOD.test.", false}, "allowed"},
		{"", "allow good.test", ask{alien, 443, TLS, "good.test", false}, "not given for a permitted name"},
		{"", "allow good.test", ask{good, 443, TLS, "evil.test", false}, "that it tells is not permitted"},
		{"", "allow good.test", ask{good, 443, TLS, "192.0.2.1", false}, "ends with a number"},
		{"", "allow good.test", ask{good, 80, HTTP, "evil.test", false}, "that it tells is not permitted"},
		{"", "allow good.test", ask{good, 443, TLS, "", false}, "tells no name"},
		{"", "allow good.test", ask{good, 8443, TLS, "", false}, "tells no name"},
		{"unnamed", "allow good.test", ask{good, 443, TLS, "", false}, "allowed"},
		{"unnamed", "allow good.test", ask{good, 443, TLS, "evil.test", false}, "that it tells"},
		{"", "allow good.test", ask{good, 443, Opaque, "", false}, "tells no name"},
		{"", "allow good.test", ask{good, 80, HTTP, "", false}, "tells no name"},
		{"", "allow good.test", ask{good, 22, Opaque, "", false}, "allowed"},
		{"", "allow good.test", ask{good, 22, TLS, "evil.test", false}, "that it tells"},
		{"unnamed", "allow good.test", ask{good, 443, Opaque, "", false}, "allowed"},
		{"", "allow good.test", ask{good, 443, TLS, "good.test", true}, "encrypts"},
		{"ech", "allow good.test", ask{good, 443, TLS, "good.test", true}, "allowed"},
		{"unnamed ech", "allow good.test", ask{good, 80, HTTP2, "", false}, "HTTP/2"},
		{"", "allow good.test\nallow good2.test", ask{shared, 443, TLS, "good.test", false}, "allowed"},
		{"", "allow good.test:443\nallow good2.test:8443", ask{good, 443, TLS, "good2.test", false}, "that it tells"},
		{"", "allow good.test:443\nallow good2.test:8443", ask{good, 8443, TLS, "good2.test", false}, "not given"},
		{"", "allow good.test:443", ask{good, 80, HTTP, "good.test", false}, "no rule"},
		{"", "allow *", ask{alien, 443, TLS, "evil.test", false}, "allowed"},
		{"", "allow *", ask{alien, 443, Unseen, "", false}, "allowed"},
		{"", "deny evil.test\nallow *", ask{alien, 443, Unseen, "", false}, "peek"},
		{"", "deny evil.test\nallow *", ask{alien, 443, TLS, "evil.test", false}, "a rule denies"},
		{"", "deny evil.test\nallow *", ask{alien, 443, TLS, "good.test", false}, "allowed"},
		{"", "deny evil.test\nallow 10.0.0.1", ask{alien, 443, Unseen, "", false}, "no rule"},
		{"", "deny evil.test:80\nallow .test", ask{shared, 80, Opaque, "", false}, "tells no name"},
		{"", "deny good2.test:22\nallow .test", ask{shared, 22, Opaque, "", false}, "a rule denies"},
		{"", "allow good.test\nallow 192.0.2.0/24", ask{good, 443, TLS, "evil.test", false}, "allowed"},
		{"", "deny 192.0.2.1\nallow good.test", ask{good, 443, Unseen, "", false}, "a rule denies"},
	} {
		d := decider(t, c.options, c.rules)
		for name, addr := range map[string]string{"good.test": good, "good2.test": shared} {
			if d.AllowsName(name) {
				pin(t, d, name, addr)
			}
		}
		if d.AllowsName("good.test") {
			pin(t, d, "good.test", shared)
		}
		r := Request{"tcp", netip.AddrPortFrom(netip.MustParseAddr(c.ask.to), c.ask.port), c.ask.app, c.ask.name, c.ask.ech}
		got := d.Decide(r)
		if got.Allowed != (c.want == "allowed") || got.Peek != (c.want == "peek") || !got.Allowed && !got.Peek && !strings.Contains(got.Reason, c.want) {
			t.Errorf("%q, %q, %+v: %+v, want %s", c.options, c.rules, c.ask, got, c.want)
		}
	}
}

// TestDecideUDP: nobody looks at datagrams, so the ports at which names are told stay
// closed.
func TestDecideUDP(t *testing.T) {
	for options, want := range map[string]bool{"": false, "unnamed": true} {
		d := decider(t, options, "allow good.test")
		pin(t, d, "good.test", "192.0.2.1")
		if got := d.Decide(Request{Network: "udp", Dst: netip.MustParseAddrPort("192.0.2.1:443")}); got.Allowed != want || got.Peek {
			t.Errorf("%q: QUIC: %+v", options, got)
		}
		if got := d.Decide(Request{Network: "udp", Dst: netip.MustParseAddrPort("192.0.2.1:123")}); !got.Allowed || got.Name != "good.test" {
			t.Errorf("%q: NTP: %+v", options, got)
		}
		if got := d.Decide(Request{Network: "udp", Dst: netip.MustParseAddrPort("192.0.2.2:123")}); got.Allowed {
			t.Errorf("%q: another address: %+v", options, got)
		}
	}
}

// TestRebinding: permitted names do not lead to addresses that are not global.
func TestRebinding(t *testing.T) {
	bad := strings.Fields("127.0.0.1 ::1 ::ffff:127.0.0.1 169.254.169.254 fe80::1 fd00:ec2::254 0.0.0.0 :: 64:ff9b::7f00:1 2002:a9fe:a9fe::1 224.0.0.1 ::ffff:0:127.0.0.1")
	private := strings.Fields("10.0.0.1 192.168.1.1 fd12::1 64:ff9b::a00:1")
	for _, c := range []struct {
		options   string
		good, bad []string
	}{
		{"", []string{"192.0.2.1"}, append(private, bad...)},
		{"private loopback linkLocal", append(private, "192.0.2.1"), bad},
	} {
		d := decider(t, c.options, "allow .good.test\nallow 10.0.0.1:1")
		var addrs []netip.Addr
		for _, a := range append(c.bad, c.good...) {
			addrs = append(addrs, netip.MustParseAddr(a))
		}
		addrs = append(addrs, netip.Addr{})
		told, err := d.Pin("www.good.test", addrs, time.Hour)
		if len(told) != len(c.good) || !slices.Equal(told, addrs[len(c.bad):len(addrs)-1]) {
			t.Errorf("%q: %v", c.options, told)
		}
		if e, ok := errors.AsType[*RebindError](err); !ok || e.Name != "www.good.test" || strings.Count(err.Error(), "leads to") != len(c.bad)+1 {
			t.Errorf("%q: %v", c.options, err)
		}
		for _, a := range c.bad {
			if got := d.Decide(Request{"tcp", netip.AddrPortFrom(netip.MustParseAddr(a), 443), TLS, "www.good.test", false}); got.Allowed {
				t.Errorf("%q: %s: %+v", c.options, a, got)
			}
		}
		for _, a := range c.good {
			if got := d.Decide(Request{"tcp", netip.AddrPortFrom(netip.MustParseAddr(a), 443), TLS, "www.good.test", false}); !got.Allowed {
				t.Errorf("%q: %s: %+v", c.options, a, got)
			}
		}
		if _, err := d.Pin("evil.test", addrs, time.Hour); !errors.Is(err, ErrNameDenied) {
			t.Error(err)
		}
		if _, err := d.Pin("a b", addrs, time.Hour); err == nil {
			t.Error("a name that is none was pinned")
		}
	}
}

// TestPins: they expire, are renewed, and are bounded.
func TestPins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPins(3)
		a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		check := func(addr netip.Addr, want ...string) {
			t.Helper()
			if got := p.names(addr); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", addr, got, want)
			}
		}
		p.add("one", a, 0)
		p.add("two", a, 10*time.Minute)
		time.Sleep(MinTTL - 1)
		check(a, "one", "two")
		time.Sleep(time.Nanosecond)
		check(a, "two")
		p.add("two", a, 0) // does not shorten
		time.Sleep(9*time.Minute - 1)
		check(a, "two")
		p.add("two", a, 100*MaxTTL)
		time.Sleep(MaxTTL - 1)
		check(a, "two")
		time.Sleep(time.Nanosecond)
		check(a)
		p.add("old", a, 2*time.Minute)
		p.add("older", b, time.Minute)
		if p.count != 2 { // what had expired gave way
			t.Errorf("%d are kept", p.count)
		}
		p.add("new", b, time.Hour)
		p.add("new", a, time.Hour)
		check(a, "new", "old")
		check(b, "new")
		if p.count != 3 || len(p.byAddr) != 2 {
			t.Errorf("%d are kept", p.count)
		}
	})
}
