package health_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/health"
)

func start(t *testing.T, opts ...sandbox.Option) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// serve is an HTTP server in the sandbox.
func serve(t *testing.T, s *sandbox.Sandbox, h http.HandlerFunc) (port uint16) {
	t.Helper()
	const at = 8080
	l, err := s.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", at))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }() // until it is closed
	t.Cleanup(func() { _ = server.Close(); <-done })
	return at
}

func TestMain(m *testing.M) {
	// What a program's first sandbox makes for all others stays.
	if _, err := sandbox.Run(context.Background(), sandbox.WithCommand("true")); err != nil {
		fmt.Fprintln(os.Stderr, "warm up:", err)
	}
	m.Run()
	sandbox.Trim()
}

// TestHTTP: the status decides.
func TestHTTP(t *testing.T) {
	testutil.Unchanged(t)
	s := start(t, sandbox.WithIdle())
	if err := health.HTTP(8080, "/")(t.Context(), s); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens: %v", err)
	}
	if err := health.TCP(8080)(t.Context(), s); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens: %v", err)
	}
	var status atomic.Int32
	port := serve(t, s, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			t.Errorf("path %s", r.URL.Path)
		}
		w.Header().Set("Location", "http://elsewhere/")
		w.WriteHeader(int(status.Load()))
	})
	for code, healthy := range map[int32]bool{200: true, 204: true, 302: true, 404: false, 500: false} {
		status.Store(code)
		err := health.HTTP(port, "/healthz")(t.Context(), s)
		if healthy != (err == nil) || err != nil && !strings.Contains(err.Error(), fmt.Sprint(code)) {
			t.Errorf("%d: %v", code, err)
		}
	}
	if err := health.TCP(port)(t.Context(), s); err != nil {
		t.Error(err)
	}
	if err := health.HTTP(port, "/%zz")(t.Context(), s); err == nil {
		t.Error("a path that is none")
	}
}

// TestHealthy: a sandbox is healthy while its server says so.
func TestHealthy(t *testing.T) {
	testutil.Unchanged(t)
	s := start(t, sandbox.WithCommand("sleep", "1000"), sandbox.WithHealthFunc(health.HTTP(8080, "/")),
		sandbox.WithHealthcheck(sandbox.Healthcheck{Interval: time.Millisecond, Retries: 1}))
	var bad atomic.Bool
	serve(t, s, func(w http.ResponseWriter, _ *http.Request) {
		if bad.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	for _, want := range []sandbox.HealthStatus{sandbox.HealthHealthy, sandbox.HealthUnhealthy, sandbox.HealthHealthy} {
		bad.Store(want == sandbox.HealthUnhealthy)
		for s.Status().Health.Status != want {
			if t.Context().Err() != nil {
				t.Fatal(s.Status())
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// Start returns when the server in the sandbox answers.
func ExampleHTTP() {
	ctx := context.Background()
	s, err := sandbox.New(
		sandbox.WithCommand("busybox", "httpd", "-f", "-p", "8080", "-h", "/etc"),
		sandbox.WithReady(time.Minute, sandbox.ReadyFunc(health.HTTP(8080, "/hosts"))))
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	fmt.Println(s.Start(ctx))
	// Output: <nil>
}
