package netlink

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// udpPort is a socket of the host and the port inside.
type udpPort struct {
	*net.UDPConn
	inside uint16
}

const (
	// udpIdle is how long an answer may take, as with Docker's proxy.
	udpIdle = 90 * time.Second
	// maxClients bounds the clients of one port that may have an answer coming.
	maxClients = 1024
	maxPacket  = 65507
)

// clients are the connections inside, one for each client of a port.
type clients struct {
	mu  sync.Mutex
	all map[netip.AddrPort]net.Conn
}

// serveUDP passes packets until the socket is closed. What cannot be passed is
// lost, as packets are.
func (p *Published) serveUDP(u udpPort, dial Dial) {
	known := &clients{all: make(map[netip.AddrPort]net.Conn)}
	defer known.close()
	buf := make([]byte, maxPacket)
	for {
		n, from, err := u.ReadFromUDPAddrPort(buf)
		if err != nil {
			if p.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		inner := known.get(from)
		if inner == nil {
			if inner = p.newClient(u, known, from, dial); inner == nil {
				continue
			}
		}
		_ = inner.SetReadDeadline(time.Now().Add(udpIdle)) // or it has just ended
		_, _ = inner.Write(buf[:n])                        // lost
	}
}

// newClient connects for a client that is not known yet; nil if that cannot be.
func (p *Published) newClient(u udpPort, known *clients, from netip.AddrPort, dial Dial) net.Conn {
	if known.count() >= maxClients {
		return nil
	}
	inner, err := dial(p.ctx, "udp", loopback(u.inside))
	if err != nil {
		return nil
	}
	known.add(from, inner)
	p.running.Go(func() {
		defer known.drop(from)
		buf := make([]byte, maxPacket)
		for {
			n, err := inner.Read(buf)
			if err != nil {
				return // nothing came for long, nobody listens there, or all is over
			}
			_, _ = u.WriteToUDPAddrPort(buf[:n], from) // lost
		}
	})
	return inner
}

func (c *clients) get(a netip.AddrPort) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[a]
}

func (c *clients) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

func (c *clients) add(a netip.AddrPort, conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[a] = conn
}

// drop forgets a client.
func (c *clients) drop(a netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn := c.all[a]; conn != nil {
		_ = conn.Close() // packets have no end to tell
		delete(c.all, a)
	}
}

// close ends all, and with them who waits for their answers.
func (c *clients) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.all {
		_ = conn.SetReadDeadline(time.Unix(1, 0)) // or it has ended
	}
}
