package netlink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// ErrPortInUse is matched by the error for a port of the host that is taken.
var ErrPortInUse = errors.New("port is already allocated")

// Dial connects to a port inside, as [net.Dialer.DialContext] does.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Published are ports that lead inside. Close it.
type Published struct {
	ports   []Port
	tcp     []tcpPort
	udp     []udpPort
	ctx     context.Context //nolint:containedctx // the life of what it does in the background
	cancel  context.CancelFunc
	running sync.WaitGroup
	slots   chan struct{} // one for each connection
}

// maxConns bounds the connections at a time, of all ports.
const maxConns = 16384

// Publish listens at ports of the host. Who connects waits until Serve is called.
// The error matches [ErrPortInUse] when a port is taken; then nothing listens.
func Publish(ports []Port) (*Published, error) {
	p := &Published{slots: make(chan struct{}, maxConns)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for _, port := range ports {
		if err := errors.Join(port.Validate()); err != nil {
			return nil, errors.Join(err, p.Close())
		}
		if err := p.open(port); err != nil {
			return nil, errors.Join(fmt.Errorf("publish %s: %w", port, err), p.Close())
		}
	}
	return p, nil
}

// Ports are those in force, one for each address of the host.
func (p *Published) Ports() []Port {
	if p == nil {
		return nil
	}
	return append([]Port(nil), p.ports...)
}

// Serve begins to copy. It returns at once.
func (p *Published) Serve(dial Dial) {
	for _, t := range p.tcp {
		p.running.Go(func() { p.serveTCP(t, dial) })
	}
	for _, u := range p.udp {
		p.running.Go(func() { p.serveUDP(u, dial) })
	}
}

// Close ends all connections, and returns when nothing of it is left.
func (p *Published) Close() error {
	if p == nil {
		return nil
	}
	p.cancel()
	var errs []error
	for _, t := range p.tcp {
		errs = append(errs, ignoreClosed(t.Close()))
	}
	for _, u := range p.udp {
		errs = append(errs, ignoreClosed(u.Close()))
	}
	p.running.Wait()
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// open listens for one port, at one of a range if there is one.
func (p *Published) open(port Port) error {
	last := max(port.HostLast, port.HostPort)
	for n := port.HostPort; ; n++ {
		err := p.openAt(port, n)
		if err == nil || n == last || !errors.Is(err, syscall.EADDRINUSE) {
			return taken(err)
		}
	}
}

// tries is how often a port is looked for that is free for IPv4 and IPv6.
const tries = 64

// openAt listens at this port of the host; 0 is one that is free.
func (p *Published) openAt(port Port, n uint16) error {
	if port.HostIP != "" {
		_, err := p.listen(port, port.HostIP, n)
		return err
	}
	for try := 0; ; try++ {
		got, err := p.listen(port, "0.0.0.0", n)
		if err != nil {
			return err
		}
		_, err = p.listen(port, "::", got)
		if err == nil || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL) {
			return nil // or there is no IPv6
		}
		p.dropLast(port.Protocol)
		if n != 0 || try == tries || !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
	}
}

// listen opens one socket and gives its port.
func (p *Published) listen(port Port, ip string, n uint16) (uint16, error) {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return 0, err
	}
	version := "4"
	if addr.Is6() {
		version = "6"
	}
	at := netip.AddrPortFrom(addr, n)
	var local net.Addr
	if port.Protocol == "tcp" {
		l, err := net.ListenTCP("tcp"+version, net.TCPAddrFromAddrPort(at))
		if err != nil {
			return 0, err
		}
		p.tcp = append(p.tcp, tcpPort{l, port.Port})
		local = l.Addr()
	} else {
		u, err := net.ListenUDP("udp"+version, net.UDPAddrFromAddrPort(at))
		if err != nil {
			return 0, err
		}
		p.udp = append(p.udp, udpPort{u, port.Port})
		local = u.LocalAddr()
	}
	got, err := netip.ParseAddrPort(local.String())
	port.HostIP, port.HostPort, port.HostLast = ip, got.Port(), 0
	p.ports = append(p.ports, port)
	return port.HostPort, err
}

// dropLast closes what was opened last.
func (p *Published) dropLast(protocol string) {
	p.ports = p.ports[:len(p.ports)-1]
	if protocol == "tcp" {
		_ = p.tcp[len(p.tcp)-1].Close() // nobody has used it
		p.tcp = p.tcp[:len(p.tcp)-1]
		return
	}
	_ = p.udp[len(p.udp)-1].Close() // likewise
	p.udp = p.udp[:len(p.udp)-1]
}

func taken(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: %w", ErrPortInUse, err)
	}
	return err
}
