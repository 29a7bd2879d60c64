package dns

import (
	"context"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// TestNothingLeft: when Serve returns, nothing of it is left, whatever was at work.
func TestNothingLeft(t *testing.T) {
	testutil.Unchanged(t)
	for _, how := range []string{"context", "close"} {
		dialUp, begun, release := stuck()
		defer release()
		s := newServer(t, Config{Names: shop(t), Upstreams: nowhere, Dial: dialUp})
		ctx, cancel := context.WithCancel(t.Context())
		u, l := sockets(t)
		done := make(chan error)
		go func() { done <- s.Serve(ctx, u, l) }()
		addr := u.LocalAddr().String()
		packets, stream, idle := dial(t, "udp", addr), dial(t, "tcp", addr), dial(t, "tcp", addr)
		slow := packet(t, "slow.example.", a, 0)
		for range 20 {
			ask(t, packets, packet(t, "db.", a, 0))
			if _, err := packets.Write(slow); err != nil {
				t.Fatal(err)
			}
			if err := writeMessage(stream, slow); err != nil {
				t.Fatal(err)
			}
			<-begun
			<-begun
		}
		if _, err := idle.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		if how == "context" {
			cancel()
		} else if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", how, err)
		}
		cancel()
		if n := len(s.working) + len(s.waiting) + len(s.streams); n != 0 {
			t.Errorf("%s: %d are at work", how, n)
		}
	}
}

// TestUpstreamsLeft: no connection to an upstream stays open.
func TestUpstreamsLeft(t *testing.T) {
	testutil.Unchanged(t)
	good := upstream(t, func(q []byte, _ bool) [][]byte { return [][]byte{answerTo(t, q, 0, "192.0.2.7")} })
	bad := upstream(t, func([]byte, bool) [][]byte { return nil })
	for _, stream := range []bool{false, true} {
		s := newServer(t, Config{Upstreams: nowhere, Dial: loopback(good)})
		if got := said(t, s.answer(t.Context(), packet(t, "example.com.", a, 0), stream)); got != "Success 192.0.2.7" {
			t.Error(got)
		}
		s = newServer(t, Config{Upstreams: nowhere, Dial: loopback(bad), Timeout: 1})
		if got := said(t, s.answer(t.Context(), packet(t, "example.com.", a, 0), stream)); got != "ServerFailure" {
			t.Error(got)
		}
	}
}
