package netlink

import (
	"context"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// tcpPort is a listener of the host and the port inside.
type tcpPort struct {
	*net.TCPListener
	inside uint16
}

// dialTimeout is how long a connection inside may take to be made.
const dialTimeout = 10 * time.Second

// loopback is where programs listen, whichever other addresses they use.
func loopback(port uint16) string { return net.JoinHostPort("localhost", strconv.Itoa(int(port))) }

// serveTCP accepts until the listener is closed.
func (p *Published) serveTCP(t tcpPort, dial Dial) {
	for {
		outer, err := t.AcceptTCP()
		if err != nil {
			if p.ctx.Err() != nil {
				return
			}
			select { // no descriptors are left, for example
			case <-time.After(10 * time.Millisecond):
			case <-p.ctx.Done():
			}
			continue
		}
		select {
		case p.slots <- struct{}{}:
			p.running.Go(func() {
				defer func() { <-p.slots }()
				p.connect(outer, t.inside, dial)
			})
		default:
			reset(outer)
		}
	}
}

// connect joins a connection of the host with one inside. Where nobody listens, it
// is reset, as the kernel would do.
func (p *Published) connect(outer *net.TCPConn, port uint16, dial Dial) {
	ctx, cancel := context.WithTimeout(p.ctx, dialTimeout)
	inner, err := dial(ctx, "tcp", loopback(port))
	cancel()
	if err != nil {
		reset(outer)
		return
	}
	stop := context.AfterFunc(p.ctx, func() {
		_ = outer.SetDeadline(time.Unix(1, 0)) // or it has ended
		_ = inner.SetDeadline(time.Unix(1, 0))
	})
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { pass(inner, outer) })
	pass(outer, inner)
	both.Wait()
	_ = outer.Close() // what there is to tell was told by the copies' end
	_ = inner.Close()
}

// pass copies one way, with splice(2), and passes on the end. A failure ends the
// other way, too.
func pass(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err == nil && ok && half.CloseWrite() == nil {
		return
	}
	_ = to.SetDeadline(time.Unix(1, 0)) // or it has ended
	_ = from.SetDeadline(time.Unix(1, 0))
}

// reset ends a connection so that the other side takes it for refused.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0) // or it has ended
	_ = c.Close()
}
