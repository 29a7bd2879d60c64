// Package health tests servers in sandboxes by connecting to them, for
// [sandbox.WithHealthFunc] and [sandbox.ReadyFunc]. The connections are made by
// [sandbox.Sandbox.Dial], so no shell, no curl and no published port is needed:
//
//	sandbox.WithReady(time.Minute, sandbox.ReadyFunc(health.HTTP(8080, "/healthz")))
//
// It is a package of its own because a client for HTTP is large.
package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/sandkit/sandkit/sandbox"
)

func address(port uint16) string { return net.JoinHostPort("localhost", strconv.Itoa(int(port))) }

// TCP tests that somebody accepts connections at a port, on the sandbox's
// loopback.
func TCP(port uint16) sandbox.HealthFunc {
	return func(ctx context.Context, s *sandbox.Sandbox) error {
		c, err := s.Dial(ctx, "tcp", address(port))
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// maxBody is how much of an answer is read.
const maxBody = 64 << 10

// HTTP tests that a GET of a path is answered with a status from 200 to 399, as
// probes of orchestrators do. Redirections are not followed.
func HTTP(port uint16, path string) sandbox.HealthFunc {
	return func(ctx context.Context, s *sandbox.Sandbox) (err error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address(port)+path, nil)
		if err != nil {
			return err
		}
		client := http.Client{
			Transport: &http.Transport{
				DisableKeepAlives: true,
				DialContext:       s.Dial,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, resp.Body.Close()) }()
		if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)); err != nil {
			return err
		}
		if resp.StatusCode < 200 || resp.StatusCode >= 400 {
			return fmt.Errorf("GET %s: %s", path, resp.Status)
		}
		return nil
	}
}
