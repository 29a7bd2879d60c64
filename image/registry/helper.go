package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Limits of credential helpers.
const (
	helperTimeout   = time.Minute // some ask a server on the network
	maxHelperOutput = 64 << 10
)

// runHelper asks the program docker-credential-<name> for a credential.
func runHelper(ctx context.Context, name, registry string) (c Credential, found bool, err error) {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	}) {
		return c, true, fmt.Errorf("credential helper %q: not the name of a program", name)
	}
	server := registry
	if registry == "docker.io" {
		server = hubServer
	}
	ctx, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	program := "docker-credential-" + name
	cmd := exec.CommandContext(ctx, program, "get")
	cmd.WaitDelay = time.Second
	stdout, stderr := &limitedBuffer{}, &limitedBuffer{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(server), stdout, stderr
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(stdout.String() + " " + stderr.String())
		if strings.Contains(said, "credentials not found") {
			return c, false, nil
		}
		return c, true, fmt.Errorf("run %s for %s: %w: %s", program, server, err, printable(said))
	}
	c, err = parseHelper(stdout.Bytes())
	if err != nil {
		return c, true, fmt.Errorf("run %s for %s: %w", program, server, err)
	}
	return c, c != Credential{}, nil
}

// parseHelper reads a helper's answer. Errors do not repeat what is in it.
func parseHelper(raw []byte) (Credential, error) {
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(raw, &answer); err != nil {
		return Credential{}, errors.New("its answer is not a JSON document of the form that helpers give")
	}
	if answer.Username == "<token>" {
		return Credential{IdentityToken: answer.Secret}, nil
	}
	return Credential{Username: answer.Username, Password: answer.Secret}, nil
}

// limitedBuffer keeps the beginning of what is written.
type limitedBuffer struct{ bytes.Buffer }

// Write takes everything and keeps what there is room for.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if room := maxHelperOutput - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
