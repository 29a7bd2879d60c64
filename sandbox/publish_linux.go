package sandbox

import (
	"context"
	"errors"

	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/netlink"
)

// openPorts listens at the ports of the host.
func openPorts(s *Sandbox) (publisher, error) {
	p, err := netlink.Publish(s.spec.Publish)
	if err != nil {
		return nil, err
	}
	return forwarding{p, s}, nil
}

// forwarding leads the ports inside.
type forwarding struct {
	*netlink.Published
	s *Sandbox
}

func (f forwarding) serve() { f.Serve(f.s.Dial) }

// announce makes the record, and listens at the ports of the host.
func (s *Sandbox) announce(ctx context.Context, onError *undo.Stack) (publisher, error) {
	if err := s.record(ctx, onError); err != nil {
		return nil, s.wrap("start", StagePrepare, "", err)
	}
	p, err := s.publish(onError)
	return p, s.wrap("start", StageNetwork, "", err)
}

// publish listens at the ports of the host; nil if there are none.
func (s *Sandbox) publish(onError *undo.Stack) (publisher, error) {
	if len(s.spec.Publish) == 0 {
		return nil, nil //nolint:nilnil // nothing is a good answer
	}
	p, err := s.openPorts(s)
	if err != nil {
		return nil, err
	}
	onError.Push("close published ports", p.Close)
	return p, nil
}

// unpublish ends what the ports of the host lead to.
func (r *running) unpublish(err error) error {
	if r.published == nil {
		return err
	}
	return errors.Join(err, r.published.Close())
}

// Ports are the published ports in force: one for each address of the host. There
// are none before Start and after the end.
func (s *Sandbox) Ports() []netlink.Port {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil || s.running.published == nil {
		return nil
	}
	return s.running.published.Ports()
}
