package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A server is Debian's docker-registry on the loopback.
type server struct {
	addr   string
	in     io.Closer
	ended  chan error          // has how it ended
	said   bytes.Buffer        // to be read then
	images map[*testImage]bool // that it has
}

const serverConfig = `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s}}
http: {addr: %q}
`

// startServer starts an empty one. It ends with this program, even if that is
// killed: a shell waits for the end of its input.
func startServer(ctx context.Context) (*server, error) {
	if why := needs("docker-registry", "skopeo"); why != "" {
		return nil, errors.New(why)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0") // finds a free port
	if err != nil {
		return nil, err
	}
	s := &server{addr: l.Addr().String(), ended: make(chan error, 1), images: make(map[*testImage]bool)}
	config := filepath.Join(memory, "registry.yml")
	err = errors.Join(l.Close(), os.WriteFile(config, fmt.Appendf(nil, serverConfig, filepath.Join(memory, "registry"), s.addr), 0o600))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("sh", "-c", `exec 3<&0; (read -r _ <&3; kill $$) >/dev/null 2>&1 & exec docker-registry serve "$0"`, config)
	cmd.Stdout, cmd.Stderr = &s.said, &s.said
	if s.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start docker-registry: %w", err)
	}
	go func() { s.ended <- cmd.Wait() }()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// ready waits until it answers.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/v2/", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			return answer.Body.Close()
		}
		select {
		case ended := <-s.ended:
			s.ended <- ended
			return fmt.Errorf("docker-registry: %w: %s", ended, &s.said)
		case <-ctx.Done():
			return fmt.Errorf("wait for docker-registry: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// close ends it. It is safe on nil.
func (s *server) close() error {
	if s == nil {
		return nil
	}
	err := s.in.Close()
	if errors.Is(err, os.ErrClosed) { // it has ended by itself
		err = nil
	}
	var exit *exec.ExitError
	if ended := <-s.ended; !errors.As(ended, &exit) { // it was killed
		err = errors.Join(err, ended)
	}
	return err
}

// serve has the server, which is started the first time, hold an image.
func (b *bench) serve(ctx context.Context, t *testImage) error {
	if b.server == nil && b.noServer == nil {
		b.server, b.noServer = startServer(ctx)
	}
	if b.noServer != nil || b.server.images[t] {
		return b.noServer
	}
	if err := t.lay(ctx); err != nil {
		return err
	}
	b.server.images[t] = true
	return run(ctx, "skopeo", "--insecure-policy", "--tmpdir", memory, "copy", "-q", "--dest-tls-verify=false",
		"oci:"+t.layout+":"+t.tag, "docker://"+t.at(b.server.addr))
}

// at is the image's name in the registry at an address.
func (t *testImage) at(addr string) string { return addr + "/test:" + t.tag }
