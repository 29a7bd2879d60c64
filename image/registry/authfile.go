package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxAuthFile limits files with credentials; real ones have some lines.
const maxAuthFile = 4 << 20

// UserAuth finds credentials where this user's programs have put them: the
// file $REGISTRY_AUTH_FILE, Docker's config.json in $DOCKER_CONFIG or
// ~/.docker, and auth.json of podman in $XDG_RUNTIME_DIR/containers or
// ~/.config/containers. The first that knows the registry is taken; of several
// entries the one for the smallest part of it. Credential helpers that a file
// names are run. Files are read each time, as tokens in them change.
func UserAuth() Auth {
	return func(ctx context.Context, registry, repository string) (Credential, error) {
		return findIn(ctx, authFiles(os.Getenv), registry, repository)
	}
}

// FileAuth finds credentials in one file, in the form of Docker's config.json.
// The error matches fs.ErrNotExist when it is not there.
func FileAuth(path string) Auth {
	return func(ctx context.Context, registry, repository string) (Credential, error) {
		c, _, err := lookUp(ctx, path, registry, repository)
		return c, err
	}
}

// authFiles lists the files where credentials may be.
func authFiles(env func(string) string) []string {
	home, err := os.UserHomeDir()
	var files []string
	add := func(dir string, more ...string) {
		if dir != "" {
			files = append(files, filepath.Join(append([]string{dir}, more...)...))
		}
	}
	add(env("REGISTRY_AUTH_FILE"))
	if dir := env("DOCKER_CONFIG"); dir != "" {
		add(dir, "config.json")
	} else if err == nil {
		add(home, ".docker", "config.json")
	}
	add(env("XDG_RUNTIME_DIR"), "containers", "auth.json")
	if err == nil {
		add(home, ".config", "containers", "auth.json")
	}
	return files
}

// findIn looks into one file after the other; those that are not there do not
// count.
func findIn(ctx context.Context, files []string, registry, repository string) (Credential, error) {
	for _, path := range files {
		c, ok, err := lookUp(ctx, path, registry, repository)
		if errors.Is(err, os.ErrNotExist) && !ok {
			continue
		}
		if err != nil || ok {
			return c, err
		}
	}
	return Credential{}, nil
}

// lookUp looks into one file; found also tells, of an error, that it is not
// about the file.
func lookUp(ctx context.Context, path, registry, repository string) (c Credential, found bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return c, false, fmt.Errorf("read credentials: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxAuthFile+1))
	if err != nil {
		return c, false, fmt.Errorf("read credentials: %w", err)
	}
	file, err := parseAuthFile(raw)
	if err != nil {
		return c, false, fmt.Errorf("read credentials from %s: %w", path, err)
	}
	if name := file.CredHelpers[registry]; name != "" {
		return runHelper(ctx, name, registry)
	}
	if c := file.entry(registry, repository); c != (Credential{}) {
		return c, true, nil
	}
	if file.CredsStore != "" {
		return runHelper(ctx, file.CredsStore, registry)
	}
	return c, false, nil
}

// authFile is Docker's config.json, as far as it is about credentials.
type authFile struct {
	Auths       map[string]authEntry `json:"auths"`
	CredHelpers map[string]string    `json:"credHelpers"`
	CredsStore  string               `json:"credsStore"`

	credentials map[string]Credential // by registry, or part of one
}

type authEntry struct {
	Auth          string `json:"auth"` // base64 of user:password
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// parseAuthFile reads a file. Errors do not repeat what is in it.
func parseAuthFile(raw []byte) (*authFile, error) {
	if len(raw) > maxAuthFile {
		return nil, errors.New("larger than files with credentials are")
	}
	f := &authFile{credentials: make(map[string]Credential)}
	if len(strings.TrimSpace(string(raw))) == 0 {
		return f, nil
	}
	if err := json.Unmarshal(raw, f); err != nil {
		return nil, errors.New("not a JSON document of the form that docker login writes")
	}
	for key, e := range f.Auths {
		c, err := e.credential()
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", key, err)
		}
		name, exact := authKey(key)
		if _, ok := f.credentials[name]; c != (Credential{}) && (!ok || exact) {
			f.credentials[name] = c
		}
	}
	return f, nil
}

func (e authEntry) credential() (Credential, error) {
	c := Credential{Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken}
	if e.Auth == "" {
		return c, nil
	}
	raw, err := base64.StdEncoding.DecodeString(e.Auth)
	user, password, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok {
		return c, errors.New("auth is not the base64 of user:password")
	}
	// Docker fills up what it writes with NUL.
	c.Username, c.Password = user, strings.TrimRight(password, "\x00")
	return c, nil
}

// authKey is the registry, or part of one, that a key means; exact tells
// whether it is written so. Old versions of Docker wrote URLs.
func authKey(key string) (name string, exact bool) {
	rest, isURL := strings.CutPrefix(key, "https://")
	if !isURL {
		rest, isURL = strings.CutPrefix(key, "http://")
	}
	if isURL {
		rest, _, _ = strings.Cut(rest, "/")
	}
	if host, path, _ := strings.Cut(rest, "/"); host == "index.docker.io" || host == hubHost {
		if path == "" || strings.HasPrefix(path, "v1") || strings.HasPrefix(path, "v2") {
			return "docker.io", key == hubServer
		}
		return "docker.io/" + path, false
	}
	return strings.TrimSuffix(rest, "/"), !isURL
}

// hubServer is what Docker calls its own registry.
const hubServer = "https://index.docker.io/v1/"

// entry finds the credential for the smallest part of a registry.
func (f *authFile) entry(registry, repository string) Credential {
	for name := registry + "/" + repository; ; {
		if c, ok := f.credentials[name]; ok {
			return c
		}
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return Credential{}
		}
		name = name[:i]
	}
}
