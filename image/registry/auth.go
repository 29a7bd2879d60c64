package registry

import "context"

// A Credential is what a registry takes as proof of who asks. The zero value
// is anonymous.
type Credential struct {
	Username, Password string
	// IdentityToken is for the token server, in place of a password.
	IdentityToken string
	// RegistryToken is for the registry itself.
	RegistryToken string
}

// String does not tell secrets.
func (c Credential) String() string {
	switch {
	case c == Credential{}:
		return "anonymous"
	case c.Username != "":
		return "user " + c.Username
	}
	return "token"
}

// GoString does not tell secrets, either.
func (c Credential) GoString() string { return c.String() }

// Auth finds the credentials for a repository of a registry ("docker.io",
// "library/busybox"). It is only asked when a registry wants some, perhaps
// several times, and by several goroutines at once. An error ends what was
// being done; having none is the zero Credential.
type Auth func(ctx context.Context, registry, repository string) (Credential, error)

// NoAuth is anonymous everywhere.
func NoAuth() Auth {
	return func(context.Context, string, string) (Credential, error) { return Credential{}, nil }
}

// StaticAuth is the same credential for one registry, and anonymous elsewhere.
func StaticAuth(registry string, c Credential) Auth {
	return func(_ context.Context, asked, _ string) (Credential, error) {
		if asked != registry {
			return Credential{}, nil
		}
		return c, nil
	}
}
