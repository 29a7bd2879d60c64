package sandbox_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/netlink"
	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/state"
)

// TestPublish: programs that listen on their loopback are reached at a port of the
// host, until the sandbox ends; lists show it.
func TestPublish(t *testing.T) {
	testutil.Unchanged(t)
	ctx := testContext(t)
	store, err := state.Open(t.TempDir(), state.NoSync())
	must(t, err)
	defer store.Close()
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		s, err := sandbox.New(lane, sandbox.WithState(store), sandbox.WithPublish("127.0.0.1::8080", "127.0.0.1::5353/udp"), sandbox.WithExpose("9000-9001"),
			sh("while :; do busybox nc -l -p 8080 -e cat; done"))
		must(t, err)
		defer func() { must(t, s.Close()) }()
		if len(s.Ports()) > 0 {
			t.Error("ports before the start")
		}
		must(t, s.Start(ctx))
		addr, err := s.Addr("8080")
		must(t, err)
		for { // until the program listens
			c, err := net.Dial("tcp", addr)
			if err != nil { // reset at once
				continue
			}
			_, _ = io.WriteString(c, "hello\n")
			b := make([]byte, 6)
			_, err = io.ReadFull(c, b)
			_ = c.Close()
			if err == nil && string(b) == "hello\n" {
				break
			}
		}
		if udp, err := s.Addr("5353/udp"); err != nil || !strings.HasPrefix(udp, "127.0.0.1:") {
			t.Errorf("%s, %v", udp, err)
		}
		for port, want := range map[string]error{"9000": sandbox.ErrNotFound, "8080/udp": sandbox.ErrNotFound, "x": sandbox.ErrInvalidSpec, "1-2": sandbox.ErrInvalidSpec} {
			if got, err := s.Addr(port); !errors.Is(err, want) {
				t.Errorf("%s: %s, %v", port, got, err)
			}
		}
		view, err := store.Lookup(s.ID())
		must(t, err)
		if got := view.Status.Ports; len(got) != 4 || got[0].HostPort == 0 || got[2].HostPort != 0 {
			t.Errorf("recorded: %+v", got)
		}
		// Who comes later finds it taken, and leaves nothing.
		_, port, _ := strings.Cut(addr, ":")
		_, err = sandbox.Run(ctx, sandbox.WithCommand("true"), sandbox.WithPublish("127.0.0.1:"+port+":80"))
		var e *sandbox.Error
		if !errors.Is(err, netlink.ErrPortInUse) || !errors.As(err, &e) || e.Stage != sandbox.StageNetwork {
			t.Errorf("a port that is taken: %v", err)
		}
		must(t, s.Kill())
		_, _ = s.Wait(ctx)
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			t.Error("it is published after the end")
		}
	})
}

// TestPublishRefused: what makes no sense is told by New.
func TestPublishRefused(t *testing.T) {
	for _, opts := range [][]sandbox.Option{
		{sandbox.WithPublish("x")},
		{sandbox.WithPublish("80/icmp")},
		{sandbox.WithExpose("8080:80")},
		{sandbox.WithPublish("80"), sandbox.WithNamespaces(ns.Set{Net: ns.OfHost()})},
	} {
		if _, err := sandbox.New(append(opts, sandbox.WithCommand("true"))...); !errors.Is(err, sandbox.ErrInvalidSpec) {
			t.Error(err)
		}
	}
	spec := sandbox.Spec{Process: sandbox.ProcessSpec{Command: []string{"true"}}, Publish: []netlink.Port{{}}}
	if _, err := sandbox.NewFromSpec(spec); !errors.Is(err, sandbox.ErrInvalidSpec) {
		t.Error(err)
	}
}
