package dns_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"

	"github.com/sandkit/sandkit/netlink/dns"
)

// A name server for two sandboxes of a network. The sockets are of the host program
// here; those of a sandbox would be made inside.
func Example() {
	zone, err := dns.NewZone("shop")
	if err != nil {
		log.Fatal(err)
	}
	for id, name := range map[string]string{"172.20.0.2": "db", "172.20.0.3": "web"} {
		if err := zone.Add(id, []string{name}, []netip.Addr{netip.MustParseAddr(id)}); err != nil {
			log.Fatal(err)
		}
	}
	server, err := dns.New(dns.Config{Names: zone})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	address := packets.LocalAddr().String()
	go func() {
		if err := server.Serve(context.Background(), packets, nil); err != nil {
			log.Print(err)
		}
	}()

	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	addrs, err := resolver.LookupHost(context.Background(), "db.shop.")
	fmt.Println(addrs, err)
	names, err := resolver.LookupAddr(context.Background(), "172.20.0.3")
	fmt.Println(names, err)
	// Output:
	// [172.20.0.2] <nil>
	// [web.shop.] <nil>
}

func ExampleZone() {
	zone, err := dns.NewZone("shop")
	if err != nil {
		log.Fatal(err)
	}
	err = zone.Add("4f2a", []string{"shop-db-1", "db"}, []netip.Addr{netip.MustParseAddr("172.20.0.2")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(zone.Lookup("DB.shop."))
	fmt.Println(zone.Reverse(netip.MustParseAddr("172.20.0.2")))
	zone.Remove("4f2a")
	fmt.Println(zone.Lookup("db"))
	// Output:
	// [172.20.0.2] true
	// [shop-db-1.shop] true
	// [] false
}

func ExampleResolvConf() {
	host := dns.ParseResolvConf([]byte("nameserver 127.0.0.53\nsearch corp.example\noptions edns0\n"))
	fmt.Println("upstreams:", host.Upstreams())
	b, err := dns.Inside(host.Search, host.Options).Format()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", b)
	// Output:
	// upstreams: [127.0.0.53:53]
	// nameserver 127.0.0.11
	// search corp.example
	// options ndots:0 edns0
}

func ExampleHostsFile() {
	file := dns.HostsFile{
		Links: []dns.Host{dns.LinkHost(netip.MustParseAddr("172.17.0.3"), "db", "c3f5533f80e1", "importantData")},
		Own:   []dns.Host{{Addr: netip.MustParseAddr("172.17.0.2"), Names: []string{"web"}}},
	}
	b, err := file.Format()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", b)
	// Output:
	// 127.0.0.1	localhost
	// ::1	localhost ip6-localhost ip6-loopback
	// fe00::	ip6-localnet
	// ff00::	ip6-mcastprefix
	// ff02::1	ip6-allnodes
	// ff02::2	ip6-allrouters
	// 172.17.0.3	db c3f5533f80e1 importantData
	// 172.17.0.2	web
}
