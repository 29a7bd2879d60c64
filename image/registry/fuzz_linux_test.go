package registry

import (
	"crypto"
	"crypto/ed25519"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/registry/registrytest"
)

func TestParseContentRange(t *testing.T) {
	for text, want := range map[string]contentRange{
		"bytes 0-99/200": {0, 99, 200}, "bytes 5-5/*": {5, 5, -1}, "Bytes 1-2/3": {1, 2, 3}, " bytes  0-0/1": {0, 0, 1},
	} {
		if got, ok := parseContentRange(text); !ok || got != want {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
	for _, text := range []string{
		"", "bytes", "bytes */200", "bytes 0-200/200", "bytes 2-1/3", "bytes -1-2/3", "bytes +1-2/3", "0-1/2", "items 0-1/2", "bytes 0-1",
		"bytes 0-99999999999999999999/*", "bytes 0-1/-1",
	} {
		if got, ok := parseContentRange(text); ok {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 0-99/200")
	f.Add("bytes 7-8/*")
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := parseContentRange(s)
		if !ok {
			return
		}
		if c.first < 0 || c.last < c.first || c.total >= 0 && c.last >= c.total {
			t.Errorf("%q: %+v", s, c)
		}
		total := "*"
		if c.total >= 0 {
			total = fmt.Sprint(c.total)
		}
		if again, ok := parseContentRange(fmt.Sprintf("bytes %d-%d/%s", c.first, c.last, total)); !ok || again != c {
			t.Errorf("%q: %+v, then %+v", s, c, again)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"0": 0, "17": 17 * time.Second, now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Hour).Format(http.TimeFormat): 0,
	} {
		if got, ok := retryAfter(text, now); !ok || got != want {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "-1", "soon", "1.5", "99999999999"} {
		if got, ok := retryAfter(text, now); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzAuthFile(f *testing.F) {
	f.Add([]byte(`{"auths":{"a.io":{"auth":"`+encoded("user:secret")+`"}},"credHelpers":{"b.io":"x"},"credsStore":"y"}`), "a.io", "team/app")
	f.Add([]byte(`{"auths":{"https://index.docker.io/v1/":{"identitytoken":"secret"}}}`), "docker.io", "library/busybox")
	f.Fuzz(func(t *testing.T, raw []byte, registry, repository string) {
		file, err := parseAuthFile(raw)
		if err != nil {
			return
		}
		c := file.entry(registry, repository)
		if c == (Credential{}) {
			return
		}
		for name, known := range file.credentials {
			if known == c && (name == registry || strings.HasPrefix(registry+"/"+repository, name)) {
				return
			}
		}
		t.Errorf("%s/%s got a credential of another registry", registry, repository)
	})
}

func FuzzHelperAnswer(f *testing.F) {
	f.Add([]byte(`{"ServerURL":"x","Username":"me","Secret":"s"}`))
	f.Add([]byte(`{"Username":"<token>","Secret":"s"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseHelper(raw)
		if err != nil && c != (Credential{}) {
			t.Errorf("%v in spite of %v", c, err)
		}
	})
}

// FuzzPayload: what is not about the image is never taken.
func FuzzPayload(f *testing.F) {
	d := image.Describe("", []byte("image")).Digest
	f.Add(payloadFor(d, "example.com/app"), []byte("signature"))
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw, signature []byte) {
		if err := checkPayload(raw, d, ""); err == nil && !strings.Contains(unescaped(raw), d.Encoded()) {
			t.Errorf("%q is about %s", raw, d)
		}
		if err := checkPayload(raw, d, "example.com/app"); err == nil && checkPayload(raw, d, "") != nil {
			t.Error("more is less")
		}
		if verifySignature([]crypto.PublicKey{other.Public()}, raw, signature) {
			t.Error("a forged signature")
		}
	})
}

// unescaped takes the escapes for ASCII out of JSON, as far as the test needs.
func unescaped(raw []byte) string {
	s := string(raw)
	for c := range 128 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, fmt.Sprintf(`\u%04x`, c), string(rune(c))), fmt.Sprintf(`\u%04X`, c), string(rune(c)))
	}
	return s
}

// FuzzChallenge: whatever a registry wants to know, the pull ends, and
// credentials go nowhere else.
func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer realm="http://127.0.0.1:1/",service="x",scope="y"`)
	f.Add(`Basic realm="x"`)
	f.Add(`Bearer realm="http://169.254.169.254/latest"`)
	f.Add(`Bearer realm="file:///etc/passwd"`)
	f.Fuzz(func(t *testing.T, challenge string) {
		s := newServer(t)
		s.AddImage("app", "latest", registrytest.Image{})
		s.fault(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		})
		if strings.Contains(challenge, "://") && !strings.Contains(challenge, "127.0.0.1:1/") && !strings.Contains(challenge, "169.254") && !strings.Contains(challenge, "file:") {
			return // other hosts are not to be asked
		}
		c := newClient(t, Options{Retries: -1, Auth: StaticAuth(s.host, Credential{Username: "me", Password: "secret"})})
		_, err := c.Resolve(t.Context(), s.ref(t, "app"))
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", challenge, err)
		}
	})
}
