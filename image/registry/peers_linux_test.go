package registry

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
)

// realRegistry starts the registry of the distribution project; auth is a part
// of its configuration.
func realRegistry(t *testing.T, auth string) (host string) {
	t.Helper()
	if _, err := exec.LookPath("docker-registry"); err != nil {
		testutil.Skip(t, "docker-registry is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	host = l.Addr().String()
	must(t, l.Close())
	dir := t.TempDir()
	config := fmt.Sprintf("version: 0.1\nstorage:\n  filesystem: {rootdirectory: %s}\n  delete: {enabled: true}\nhttp: {addr: %q}\n%s", filepath.Join(dir, "data"), host, auth)
	path := filepath.Join(dir, "config.yml")
	must(t, os.WriteFile(path, []byte(config), 0o600))
	cmd := exec.CommandContext(t.Context(), "docker-registry", "serve", path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	up := make(chan bool, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		started := false
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if !started && strings.Contains(lines.Text(), "listening on") {
				started = true
				up <- true
			}
		}
		if !started {
			up <- false
		}
	})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		wg.Wait()
		_ = cmd.Wait()
	})
	if !<-up {
		t.Fatal("docker-registry did not start")
	}
	return host
}

// skopeo runs it.
func skopeo(t *testing.T, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("skopeo"); err != nil {
		testutil.Skip(t, "skopeo is not installed")
	}
	policy := filepath.Join(t.TempDir(), "policy.json")
	must(t, os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600))
	cmd := exec.CommandContext(t.Context(), "skopeo", append([]string{"--policy", policy, "--tmpdir", t.TempDir()}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_RUNTIME_DIR="+t.TempDir())
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("skopeo %q: %v: %s", args, err, stderr.Bytes())
	}
	return out.Bytes()
}

// htpasswd lets in me with the password "secret".
const htpasswd = "me:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n"

// TestRealRegistry: what this package pushes, skopeo reads with the same
// digests, and what skopeo pushes, it pulls; with all kinds of authentication.
func TestRealRegistry(t *testing.T) {
	dir := t.TempDir()
	users := filepath.Join(dir, "htpasswd")
	must(t, os.WriteFile(users, []byte(htpasswd), 0o600))
	issuer := newIssuer(t)
	for name, c := range map[string]struct {
		config string
		cred   Credential
	}{
		"anonymous": {},
		"basic":     {fmt.Sprintf("auth: {htpasswd: {realm: test, path: %s}}\n", users), Credential{Username: "me", Password: "secret"}},
		"token": {
			fmt.Sprintf("auth: {token: {realm: %q, service: test, issuer: tester, rootcertbundle: %s}}\n", issuer.http.URL+"/token", issuer.bundle),
			Credential{Username: "me", Password: "secret"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			host := realRegistry(t, c.config)
			realRoundTrip(t, host, c.cred)
		})
	}
}

func realRoundTrip(t *testing.T, host string, cred Credential) {
	s := newServer(t)
	from := pulled(t, s)
	client := newClient(t, Options{Auth: StaticAuth(host, cred)})
	pushed, err := client.Push(t.Context(), from, s.host+"/team/app:1", ref(t, host+"/ours/app:1"), PushOptions{Compress: image.Gzip})
	must(t, err)
	plain, err := client.Push(t.Context(), from, s.host+"/team/app:1", ref(t, host+"/ours/app:plain"), PushOptions{})
	must(t, err)
	if d, err := client.Resolve(t.Context(), ref(t, host+"/ours/app:plain")); err != nil || d.Digest != plain.Digest {
		t.Errorf("%v, %v", d, err)
	}
	layout := filepath.Join(t.TempDir(), "layout")
	login := []string{"--src-tls-verify=false"}
	if cred.Username != "" {
		login = append(login, "--src-creds="+cred.Username+":"+cred.Password)
	}
	skopeo(t, append(append([]string{"copy", "-q"}, login...), "docker://"+host+"/ours/app:1", "oci:"+layout+":1")...)
	var index image.Index
	raw, err := os.ReadFile(filepath.Join(layout, "index.json"))
	must(t, err)
	must(t, json.Unmarshal(raw, &index))
	if len(index.Manifests) != 1 || index.Manifests[0].Digest != pushed.Digest {
		t.Errorf("skopeo found %s, we pushed %s", raw, pushed.Digest)
	}
	for i, l := range login {
		login[i] = strings.Replace(l, "src", "dest", 1)
	}
	for _, format := range []string{"oci", "v2s2"} {
		skopeo(t, append(append([]string{"copy", "-q", "--format", format}, login...), "oci:"+layout+":1", "docker://"+host+"/theirs/app:"+format)...)
		to := newStore(t)
		name := host + "/theirs/app:" + format
		img, err := pull(t, client, to, ref(t, name), PullOptions{})
		must(t, err)
		sound(t, to, name)
		if format == "oci" && img.Descriptor().Digest != pushed.Digest {
			t.Errorf("it came back as %s", img.Descriptor().Digest)
		}
		want, err := from.Image(t.Context(), s.host+"/team/app:1", image.Platform{})
		must(t, err)
		if !slices.Equal(img.Config().RootFS.DiffIDs, want.Config().RootFS.DiffIDs) {
			t.Errorf("%s: other layers", format)
		}
		if _, err := client.Push(t.Context(), to, name, ref(t, host+"/mounted/app:"+format), PushOptions{}); err != nil {
			t.Errorf("%s: mount: %v", format, err)
		}
	}
	if all, err := client.Referrers(t.Context(), ref(t, host+"/ours/app:1"), ""); err != nil || len(all) > 0 {
		t.Errorf("referrers: %v, %v", all, err)
	}
	if tags, err := client.Tags(t.Context(), ref(t, host+"/theirs/app")); err != nil || strings.Join(tags, " ") != "oci v2s2" {
		t.Errorf("tags %q, %v", tags, err)
	}
	realResume(t, host)
	must(t, client.Delete(t.Context(), ref(t, host+"/theirs/app:oci")))
}

// realResume lets a proxy cut the connection in a blob, so that the real
// registry is asked for a range.
func realResume(t *testing.T, host string) {
	s := newServer(t)
	content, _ := one(t, s, 2<<20)
	from := newStore(t)
	cred := Credential{Username: "me", Password: "secret"}
	auth := func(h string) Auth { return StaticAuth(h, cred) }
	_, err := pull(t, newClient(t, Options{}), from, s.ref(t, "app"), PullOptions{})
	must(t, err)
	_, err = newClient(t, Options{Auth: auth(host)}).Push(t.Context(), from, s.host+"/app", ref(t, host+"/cut/app"), PushOptions{})
	must(t, err)
	var once sync.Once
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		out, err := http.NewRequestWithContext(req.Context(), req.Method, "http://"+host+req.URL.RequestURI(), nil)
		if err != nil {
			return
		}
		out.Header = req.Header.Clone()
		resp, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		most := int64(len(content))
		if resp.ContentLength > 1<<20 {
			once.Do(func() { most = 1 << 20 })
		}
		_, _ = bufio.NewReader(http.MaxBytesReader(w, resp.Body, most)).WriteTo(w)
	}))
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	defer proxy.Close()
	to := newStore(t)
	at := strings.TrimPrefix(proxy.URL, "http://")
	_, err = pull(t, newClient(t, Options{Auth: auth(at)}), to, ref(t, at+"/cut/app"), PullOptions{})
	must(t, err)
	sound(t, to, at+"/cut/app")
}

// issuer is a token server whose tokens the real registry takes.
type issuer struct {
	http   *httptest.Server
	bundle string
	key    *ecdsa.PrivateKey
	cert   []byte
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tester"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	i := &issuer{key: key, cert: cert, bundle: filepath.Join(t.TempDir(), "bundle.pem")}
	must(t, os.WriteFile(i.bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	i.http = httptest.NewServer(i)
	t.Cleanup(i.http.Close)
	return i
}

// ServeHTTP gives a token for whatever me is asking for.
func (i *issuer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if user, password, _ := req.BasicAuth(); user != "me" || password != "secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	type access struct {
		Type    string   `json:"type"`
		Name    string   `json:"name"`
		Actions []string `json:"actions"`
	}
	var all []access
	for _, scope := range req.URL.Query()["scope"] {
		for one := range strings.SplitSeq(scope, " ") {
			if p := strings.Split(one, ":"); len(p) == 3 {
				all = append(all, access{p[0], p[1], strings.Split(p[2], ",")})
			}
		}
	}
	now := time.Now().Unix()
	token, err := i.sign(map[string]any{
		"iss": "tester", "sub": "me", "aud": "test", "exp": now + 300, "nbf": now - 10, "iat": now, "jti": "1", "access": all,
	})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"token": token})
}

func (i *issuer) sign(claims any) (string, error) {
	header, err := json.Marshal(map[string]any{"typ": "JWT", "alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(i.cert)}})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode(header) + "." + encode(body)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		return "", err
	}
	return text + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)), nil
}

// TestSkopeoReads: skopeo reads from the registry in memory and writes to it,
// so that other tests may rely on it.
func TestSkopeoReads(t *testing.T) {
	s := newServer(t)
	filled(t, s)
	layout := filepath.Join(t.TempDir(), "layout")
	skopeo(t, "copy", "-q", "--src-tls-verify=false", "docker://"+s.host+"/team/app:1", "oci:"+layout+":1")
	skopeo(t, "copy", "-q", "--dest-tls-verify=false", "oci:"+layout+":1", "docker://"+s.host+"/copy:1")
	a, _ := s.Tag("team/app", "1")
	if _, ok := s.Tag("copy", "1"); !ok || a == "" {
		t.Error("the copy has no tag")
	}
	out := skopeo(t, "inspect", "--tls-verify=false", "docker://"+s.host+"/team/app:1")
	if !strings.Contains(string(out), string(a)) {
		t.Errorf("skopeo sees %s", out)
	}
}
