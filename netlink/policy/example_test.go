package policy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/sandkit/sandkit/netlink/policy"
)

func ExampleDecider() {
	rules, err := policy.Parse(`
		allow tcp .example.com:443
		allow tcp 10.0.0.5:5432     # the database
	`)
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := policy.NewDecider(policy.Policy{Rules: rules})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The sandbox asks for a name, and is told what the host has resolved.
	fmt.Println(d.AllowsName("www.example.com"), d.AllowsName("secret.evil.test"))
	answer := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("169.254.169.254")}
	told, err := d.Pin("www.example.com", answer, 5*time.Minute)
	fmt.Println(told, err)
	// Then it connects.
	for _, r := range []policy.Request{
		{Dst: netip.MustParseAddrPort("192.0.2.1:443"), App: policy.TLS, Name: "www.example.com"},
		{Dst: netip.MustParseAddrPort("192.0.2.1:443"), App: policy.TLS, Name: "evil.test"},
		{Dst: netip.MustParseAddrPort("192.0.2.2:443"), App: policy.TLS, Name: "www.example.com"},
		{Dst: netip.MustParseAddrPort("10.0.0.5:5432")},
		{Dst: netip.MustParseAddrPort("10.0.0.6:5432")},
	} {
		r.Network = "tcp"
		got := d.Decide(r)
		fmt.Printf("%s %s: %v, %s\n", r.Dst, r.Name, got.Allowed, got.Reason)
	}
	// Output:
	// true false
	// [192.0.2.1] name "www.example.com" leads to 169.254.169.254, which is a link-local or metadata address
	// 192.0.2.1:443 www.example.com: true, the address was given for a permitted name
	// 192.0.2.1:443 evil.test: false, the name that it tells is not permitted
	// 192.0.2.2:443 www.example.com: false, the address was not given for a permitted name
	// 10.0.0.5:5432 : true, a rule allows it
	// 10.0.0.6:5432 : false, no rule allows it; it is a private address
}

func ExampleHandler() {
	rule, err := policy.ParseRule("allow tcp good.test:80")
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := policy.NewDecider(policy.Policy{Rules: []policy.Rule{rule}})
	if err != nil {
		fmt.Println(err)
		return
	}
	dst := netip.MustParseAddrPort("192.0.2.1:80")
	if _, err := d.Pin("good.test", []netip.Addr{dst.Addr()}, time.Minute); err != nil {
		fmt.Println(err)
		return
	}
	h := &policy.Handler{Decider: d, Audit: func(e policy.Event) {
		fmt.Println(e.Kind, e.Dst, e.Name, e.Reason)
	}}
	sandbox, intercepted := net.Pipe()
	go func() { _, _ = io.WriteString(sandbox, "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n") }()
	err = h.Serve(context.Background(), intercepted, dst, new(net.Dialer).DialContext)
	fmt.Println(err)
	// Output:
	// denied 192.0.2.1:80 evil.test the name that it tells is not permitted
	// connection to 192.0.2.1:80 (evil.test) is denied: the name that it tells is not permitted
}
