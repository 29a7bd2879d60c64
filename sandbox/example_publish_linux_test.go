package sandbox_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/sandkit/sandkit/sandbox"
)

// A server in a sandbox that has only a loopback is reached at a port of the host.
func ExampleWithPublish() {
	ctx := context.Background()
	s, err := sandbox.New(
		sandbox.WithCommand("busybox", "httpd", "-f", "-p", "8080", "-h", "/etc"),
		sandbox.WithPublish("127.0.0.1::8080"))
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(ctx); err != nil {
		log.Fatal(err)
	}
	addr, err := s.Addr("8080")
	if err != nil {
		log.Fatal(err)
	}
	resp, err := http.Get("http://" + addr + "/hosts")
	for err != nil { // until it listens
		resp, err = http.Get("http://" + addr + "/hosts")
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	fmt.Println(resp.StatusCode, err)
	http.DefaultClient.CloseIdleConnections()
	// Output: 200 <nil>
}

// A Go server serves a sandbox that is connected to nothing else.
func ExampleSandbox_Listen() {
	ctx := context.Background()
	s, err := sandbox.New(sandbox.WithIdle())
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(ctx); err != nil {
		log.Fatal(err)
	}
	l, err := s.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "from outside") })}
	go func() { _ = server.Serve(l) }() // until it is closed
	defer server.Close()
	p, err := s.Exec(ctx, sandbox.WithCommand("busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"), sandbox.WithStdout(logged{}))
	if err == nil {
		_, err = p.Wait(ctx)
	}
	fmt.Println(err)
	// Output:
	// from outside
	// <nil>
}

// logged prints.
type logged struct{}

func (logged) Write(b []byte) (int, error) { return fmt.Print(string(b)) }
