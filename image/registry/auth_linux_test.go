package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sandkit/sandkit/image"
)

// basic lets only one user in.
func basic(user, password string) fault {
	return func(w http.ResponseWriter, req *http.Request) bool {
		u, p, _ := req.BasicAuth()
		if u == user && p == password {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
}

func TestBasicAuth(t *testing.T) {
	s := newServer(t)
	filled(t, s)
	s.fault(basic("me", "secret"))
	c := newClient(t, Options{Auth: StaticAuth(s.host, Credential{Username: "me", Password: "secret"})})
	to := newStore(t)
	_, err := pull(t, c, to, s.ref(t, "team/app:1"), PullOptions{})
	must(t, err)
	if _, err := c.Push(t.Context(), to, s.host+"/team/app:1", s.ref(t, "team/app:2"), PushOptions{}); err != nil {
		t.Error(err)
	}
	for name, auth := range map[string]Auth{
		"none": NoAuth(), "another": StaticAuth("example.com", Credential{Username: "me", Password: "secret"}),
		"wrong": StaticAuth(s.host, Credential{Username: "me", Password: "wrong"}),
	} {
		to := newStore(t)
		_, err := pull(t, newClient(t, Options{Auth: auth}), to, s.ref(t, "team/app:1"), PullOptions{})
		var e *image.Error
		if !errors.Is(err, ErrUnauthorized) || !errors.As(err, &e) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v", name, err)
		}
		empty(t, to)
	}
	broken := errors.New("no keyring")
	_, err = pull(t, newClient(t, Options{Auth: func(context.Context, string, string) (Credential, error) { return Credential{}, broken }}),
		newStore(t), s.ref(t, "team/app:1"), PullOptions{})
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// tokens is a token server.
type tokens struct {
	http *httptest.Server
	user string // anonymous if empty

	mu     sync.Mutex
	scopes []string        // that were asked for
	valid  map[string]bool // tokens
	uses   int             // how many requests a token is good for; 0 is all
	left   map[string]int
}

func newTokens(t *testing.T) *tokens {
	s := &tokens{valid: make(map[string]bool), left: make(map[string]int)}
	s.http = httptest.NewServer(s)
	t.Cleanup(s.http.Close)
	return s
}

// ServeHTTP gives a token.
func (s *tokens) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	must := s.user
	user, password, _ := req.BasicAuth()
	if req.Method == http.MethodPost {
		if req.PostFormValue("grant_type") == "refresh_token" && req.PostFormValue("refresh_token") == "identity" {
			user, password = must, "secret"
		}
		s.scopes = append(s.scopes, req.PostFormValue("scope"))
	} else {
		s.scopes = append(s.scopes, strings.Join(req.URL.Query()["scope"], " "))
	}
	if must != "" && (user != must || password != "secret") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	token := fmt.Sprintf("token%d", len(s.valid))
	s.valid[token] = true
	s.left[token] = s.uses
	_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "access_token": token, "expires_in": 300})
}

// guard lets in who has a token.
func (s *tokens) guard(w http.ResponseWriter, req *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	if s.valid[token] {
		if s.uses == 0 {
			return false
		}
		if s.left[token]--; s.left[token] >= 0 {
			return false
		}
	}
	name := strings.TrimPrefix(req.URL.Path, "/v2/")
	for _, part := range []string{"/blobs/", "/manifests/"} {
		name, _, _ = strings.Cut(name, part)
	}
	scope := "repository:" + name + ":pull"
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service="test",scope=%q,error="invalid_token"`, s.http.URL+"/token", scope))
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

func TestBearerAuth(t *testing.T) {
	for name, c := range map[string]struct {
		user string
		cred Credential
		want error
		uses int
	}{
		"anonymous":       {},
		"password":        {user: "me", cred: Credential{Username: "me", Password: "secret"}},
		"identity token":  {user: "me", cred: Credential{IdentityToken: "identity"}},
		"wrong password":  {user: "me", cred: Credential{Username: "me", Password: "other"}, want: ErrUnauthorized},
		"no password":     {user: "me", want: ErrUnauthorized},
		"tokens expire":   {user: "me", cred: Credential{Username: "me", Password: "secret"}, uses: 2},
		"tokens for once": {uses: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, token := newServer(t), newTokens(t)
			filled(t, s)
			token.user, token.uses = c.user, c.uses
			s.fault(token.guard)
			o := Options{Auth: StaticAuth(s.host, c.cred)}
			if c.uses > 0 {
				o.Concurrency = 1 // nobody else uses up the new token
			}
			client, to := newClient(t, o), newStore(t)
			_, err := pull(t, client, to, s.ref(t, "team/app:1"), PullOptions{})
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if c.want != nil {
				empty(t, to)
				return
			}
			sound(t, to, s.host+"/team/app:1")
			if n := len(token.scopes); c.uses == 0 && n != 1 {
				t.Errorf("%d tokens for one pull: %q", n, token.scopes)
			}
			_, err = client.Push(t.Context(), to, s.host+"/team/app:1", s.ref(t, "other:2"), PushOptions{})
			must(t, err)
			if !slices.ContainsFunc(token.scopes, func(s string) bool {
				return strings.Contains(s, "repository:other:pull,push") && strings.Contains(s, "repository:team/app:pull")
			}) {
				t.Errorf("scopes %q", token.scopes)
			}
		})
	}
}

// TestRegistryToken: a token for the registry itself needs no token server.
func TestRegistryToken(t *testing.T) {
	s, token := newServer(t), newTokens(t)
	filled(t, s)
	token.valid["given"] = true
	s.fault(token.guard)
	c := newClient(t, Options{Auth: StaticAuth(s.host, Credential{RegistryToken: "given"})})
	if _, err := pull(t, c, newStore(t), s.ref(t, "team/app:1"), PullOptions{}); err != nil || len(token.scopes) > 0 {
		t.Errorf("%v, %q", err, token.scopes)
	}
}

// TestRedirect: blobs may be elsewhere; credentials stay where they belong.
func TestRedirect(t *testing.T) {
	s := newServer(t)
	filled(t, s)
	var mu sync.Mutex
	var seen []string
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		seen = append(seen, req.Header.Get("Authorization"))
		mu.Unlock()
		if req.URL.Query().Get("signature") != "secret-signature" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		s.Registry.ServeHTTP(w, req)
	}))
	defer storage.Close()
	s.fault(basic("me", "secret"))
	location := storage.URL
	s.fault(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodGet || !strings.Contains(req.URL.Path, "/blobs/") {
			return false
		}
		http.Redirect(w, req, location+req.URL.Path+"?signature=secret-signature", http.StatusTemporaryRedirect)
		return true
	})
	c := newClient(t, Options{Auth: StaticAuth(s.host, Credential{Username: "me", Password: "secret"}), Retries: -1})
	to := newStore(t)
	_, err := pull(t, c, to, s.ref(t, "team/app:1"), PullOptions{})
	must(t, err)
	if len(seen) != 3 || strings.Join(seen, "") != "" {
		t.Errorf("the other host was shown %q", seen)
	}
	// It asks for credentials itself: it does not get any.
	seen, s.faults = nil, s.faults[:1]
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		seen = append(seen, req.Header.Get("Authorization"))
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer thief.Close()
	s.fault(on("GET", "/blobs/", -1, func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, thief.URL+req.URL.Path+"?signature=secret-signature", http.StatusTemporaryRedirect)
	}))
	_, err = pull(t, c, newStore(t), s.ref(t, "team/app:1"), PullOptions{})
	if !errors.Is(err, ErrUnauthorized) || strings.Join(seen, "") != "" || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v, it was shown %q", err, seen)
	}
	thief.Close()
	_, err = pull(t, c, newStore(t), s.ref(t, "team/app:1"), PullOptions{})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

// TestRedirectOutOfTLS: what came encrypted does not go on in the clear.
func TestRedirectOutOfTLS(t *testing.T) {
	s := newServer(t)
	filled(t, s)
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.Contains(req.URL.Path, "/blobs/") {
			http.Redirect(w, req, s.http.URL+req.URL.Path, http.StatusFound)
			return
		}
		s.Registry.ServeHTTP(w, req)
	}))
	defer secure.Close()
	host := strings.TrimPrefix(secure.URL, "https://")
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	if _, err := pull(t, newClient(t, Options{RootCAs: roots}), newStore(t), ref(t, host+"/team/app:1"), PullOptions{}); err == nil || !strings.Contains(err.Error(), "not encrypted") {
		t.Errorf("%v", err)
	}
	allowed := newClient(t, Options{RootCAs: roots, PlainHTTP: []string{s.host}})
	if _, err := pull(t, allowed, newStore(t), ref(t, host+"/team/app:1"), PullOptions{}); err != nil {
		t.Error(err)
	}
}

func encoded(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestAuthFile(t *testing.T) {
	dir := t.TempDir()
	helper := "#!/bin/sh\nread server\ncase $server in\n" +
		"https://index.docker.io/v1/) echo '{\"Username\":\"hub\",\"Secret\":\"s\"}' ;;\n" +
		"token.io) echo '{\"Username\":\"<token>\",\"Secret\":\"t\"}' ;;\n" +
		"odd.io) echo no ;;\n" +
		"*) echo credentials not found in native keychain; exit 1 ;;\nesac\n"
	must(t, os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(helper), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "docker-credential-broken"), []byte("#!/bin/sh\necho locked >&2\nexit 3\n"), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	text := `{"auths":{
		"https://index.docker.io/v1/":{"auth":"` + encoded("hub:p") + `"},
		"a.io":{"auth":"` + encoded("a:p:q") + `"},
		"a.io/team":{"auth":"` + encoded("team:p") + `"},
		"https://b.io:5000/v2/":{"username":"b","password":"p"},
		"c.io":{"identitytoken":"i"}, "d.io":{"registrytoken":"r"}, "empty.io":{}},
		"credHelpers":{"token.io":"test","e.io":"test","f.io":"broken","g.io":"missing","h.io":"../x","odd.io":"test"}}`
	path := filepath.Join(dir, "auth.json")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "store.json"), []byte(`{"auths":{"docker.io":{},"a.io":{"auth":"`+encoded("x:y")+`"}},"credsStore":"test"}`), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "bad.json"), []byte(`{"auths":{"a.io":{"auth":"c2VjcmV0"}}}`), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "worse.json"), []byte(`{"secret"`), 0o600))
	for _, c := range []struct {
		file, registry, repository string
		want                       Credential
		wrong                      string
	}{
		{"auth.json", "docker.io", "library/busybox", Credential{Username: "hub", Password: "p"}, ""},
		{"auth.json", "a.io", "app", Credential{Username: "a", Password: "p:q"}, ""},
		{"auth.json", "a.io", "team/app", Credential{Username: "team", Password: "p"}, ""},
		{"auth.json", "a.io", "teams/app", Credential{Username: "a", Password: "p:q"}, ""},
		{"auth.json", "b.io:5000", "x", Credential{Username: "b", Password: "p"}, ""},
		{"auth.json", "b.io", "x", Credential{}, ""},
		{"auth.json", "c.io", "x", Credential{IdentityToken: "i"}, ""},
		{"auth.json", "d.io", "x", Credential{RegistryToken: "r"}, ""},
		{"auth.json", "empty.io", "x", Credential{}, ""},
		{"auth.json", "token.io", "x", Credential{IdentityToken: "t"}, ""},
		{"auth.json", "e.io", "x", Credential{}, ""},
		{"auth.json", "f.io", "x", Credential{}, "locked"},
		{"auth.json", "g.io", "x", Credential{}, "docker-credential-missing"},
		{"auth.json", "h.io", "x", Credential{}, "not the name of a program"},
		{"auth.json", "odd.io", "x", Credential{}, "not a JSON document"},
		{"store.json", "docker.io", "x", Credential{Username: "hub", Password: "s"}, ""},
		{"store.json", "a.io", "x", Credential{Username: "x", Password: "y"}, ""},
		{"bad.json", "a.io", "x", Credential{}, "base64"},
		{"worse.json", "a.io", "x", Credential{}, "worse.json"},
		{"none.json", "a.io", "x", Credential{}, "none.json"},
	} {
		got, err := FileAuth(filepath.Join(dir, c.file))(t.Context(), c.registry, c.repository)
		if got != c.want || (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s, %s/%s: %+v, %v", c.file, c.registry, c.repository, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret in an error: %v", err)
		}
	}
	t.Setenv("REGISTRY_AUTH_FILE", "")
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("HOME", dir)
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, "docker"))
	must(t, os.MkdirAll(filepath.Join(dir, "docker"), 0o700))
	must(t, os.MkdirAll(filepath.Join(dir, "containers"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "docker", "config.json"), []byte(`{"auths":{"a.io":{"auth":"`+encoded("docker:p")+`"}}}`), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "containers", "auth.json"), []byte(`{"auths":{"a.io":{"auth":"`+encoded("no:p")+`"},"z.io":{"auth":"`+encoded("podman:p")+`"}}}`), 0o600))
	for registry, want := range map[string]string{"a.io": "docker", "z.io": "podman", "y.io": ""} {
		if got, err := UserAuth()(t.Context(), registry, "x"); err != nil || got.Username != want {
			t.Errorf("%s: %v, %v", registry, got, err)
		}
	}
	t.Setenv("REGISTRY_AUTH_FILE", path)
	if got, err := UserAuth()(t.Context(), "a.io", "x"); err != nil || got.Username != "a" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestCredentialTellsNothing(t *testing.T) {
	for c, want := range map[Credential]string{
		{}: "anonymous", {Username: "me", Password: "secret"}: "user me", {IdentityToken: "secret"}: "token",
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if got := fmt.Sprintf(verb, c); got != want {
				t.Errorf("%s: %q", verb, got)
			}
		}
	}
}
