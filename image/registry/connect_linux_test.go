package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image/registry/registrytest"
	"github.com/sandkit/sandkit/image/store"
)

// TestKilled: what a killed program has downloaded is not downloaded again, and
// those that waited for it go on.
func TestKilled(t *testing.T) {
	s := newServer(t)
	content, path := one(t, s, 4<<20)
	half := make(chan struct{})
	s.fault(on("GET", path, 1, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:3<<20])
		w.(http.Flusher).Flush()
		close(half)
		<-req.Context().Done()
	}))
	n := sent(s, path)
	dir := newStore(t).Dir()
	victim := pullProcess(t.Context(), dir, s.host+"/app")
	must(t, victim.Start())
	<-half
	waiting := pullProcess(t.Context(), dir, s.host+"/app")
	must(t, waiting.Start())
	must(t, victim.Process.Kill())
	_ = victim.Wait()
	if err := waiting.Wait(); err != nil {
		t.Error(err)
	}
	// What was in the pipes between them is lost.
	if got := n.Load(); got == 0 || got > int64(len(content)) {
		t.Errorf("%d of %d bytes were sent again", got, len(content))
	}
	to, err := store.Open(dir)
	must(t, err)
	sound(t, to, s.host+"/app")
}

func TestProxy(t *testing.T) {
	s := newServer(t)
	filled(t, s)
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Host == "registry.invalid:5000" {
			proxied.Add(1)
		}
		s.Registry.ServeHTTP(w, req)
	}))
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	must(t, err)
	c := newClient(t, Options{PlainHTTP: []string{"registry.invalid:5000"}, Proxy: http.ProxyURL(at)})
	_, err = pull(t, c, newStore(t), ref(t, "registry.invalid:5000/team/app:1"), PullOptions{})
	if err != nil || proxied.Load() < 4 {
		t.Errorf("%d requests through the proxy, %v", proxied.Load(), err)
	}
}

func TestClientCert(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	s := newServer(t)
	filled(t, s)
	secure := httptest.NewUnstartedServer(s)
	secure.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	secure.StartTLS()
	defer secure.Close()
	host := strings.TrimPrefix(secure.URL, "https://")
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for h, ok := range map[string]bool{host: true, "example.com": false} {
		c := newClient(t, Options{RootCAs: roots, ClientCerts: map[string]tls.Certificate{h: cert}, Retries: -1})
		if _, err := pull(t, c, newStore(t), ref(t, host+"/team/app:1"), PullOptions{}); (err == nil) != ok {
			t.Errorf("certificate for %s: %v", h, err)
		}
	}
}

// TestHTTP2: streams that break are no other than connections that do.
func TestHTTP2(t *testing.T) {
	s := newServer(t)
	content, path := one(t, s, 2<<20)
	secure := httptest.NewUnstartedServer(s)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	host := strings.TrimPrefix(secure.URL, "https://")
	c := newClient(t, Options{RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, StallTimeout: time.Second})
	var protocol atomic.Int32
	abort := func(w http.ResponseWriter, req *http.Request) {
		protocol.Store(int32(req.ProtoMajor))
		if req.Method == http.MethodGet {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = w.Write(content[:1<<20])
			w.(http.Flusher).Flush()
		}
		panic(http.ErrAbortHandler)
	}
	s.fault(on("HEAD", "/manifests/", 1, abort))
	s.fault(on("GET", path, 1, abort))
	s.fault(on("GET", path, 1, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }))
	s.fault(on("PUT", "/blobs/uploads/", 2, abort))
	to := newStore(t)
	_, err := pull(t, c, to, ref(t, host+"/app"), PullOptions{})
	must(t, err)
	sound(t, to, host+"/app")
	if protocol.Load() != 2 {
		t.Errorf("HTTP %d", protocol.Load())
	}
	s.NoMount = true
	if _, err := c.Push(t.Context(), to, host+"/app", ref(t, host+"/copy"), PushOptions{}); err != nil {
		t.Error(err)
	}
}

// BenchmarkPull pulls 128 MiB in four layers from memory into a store.
func BenchmarkPull(b *testing.B) {
	s := newServer(b)
	var layers [][]byte
	for i := range 4 {
		layers = append(layers, tarOf(b, strconv.Itoa(i), 32<<20))
	}
	s.AddImage("large", "latest", registrytest.Image{Layers: layers})
	c := newClient(b, Options{})
	b.SetBytes(128 << 20)
	for b.Loop() {
		b.StopTimer()
		to := newStore(b)
		b.StartTimer()
		if _, err := pull(b, c, to, s.ref(b, "large"), PullOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPullAgain is what it costs to learn that nothing has changed.
func BenchmarkPullAgain(b *testing.B) {
	s := newServer(b)
	filled(b, s)
	c, to := newClient(b, Options{}), newStore(b)
	for b.Loop() {
		if _, err := pull(b, c, to, s.ref(b, "team/app:1"), PullOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
