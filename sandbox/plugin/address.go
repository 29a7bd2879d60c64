package plugin

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/sandkit/sandkit/sandbox"
)

// An AddressError is an address that the other side cannot reach, or must not.
type AddressError struct {
	Network string // "unix", "tcp"
	Address string
	From    string // who listens there: "plugin" or "host"
	Err     error
}

// Error gives the address and the cause.
func (e *AddressError) Error() string {
	return fmt.Sprintf("translate the %s's address %s %.120q: %v", e.From, e.Network, e.Address, e.Err)
}

// Unwrap gives the cause. For a network that the sandbox does not have it matches
// [sandbox.ErrNotSupported].
func (e *AddressError) Unwrap() error { return e.Err }

// PluginToHost gives the address at which the host program reaches a socket of
// the plugin's. It has to be a Unix socket in the directory that the plugin was
// told. Other networks are passed on as they are when options join the
// host's network, and refused otherwise. The error is an [*AddressError].
func (a *Attached) PluginToHost(network, addr string) (hostNetwork, hostAddr string, err error) {
	return a.translate("plugin", network, addr, func() (string, error) {
		name, ok := ownSocket(addr)
		if !ok {
			return "", fmt.Errorf("want a socket in %s, which is %s", ownDir, socketDirVar)
		}
		return a.shared.expose(name)
	})
}

// ownSocket gives the name of a socket in the plugin's own directory.
func ownSocket(addr string) (string, bool) {
	name, ok := strings.CutPrefix(path.Clean(addr), ownDir+"/")
	return name, ok && !strings.Contains(name, "/")
}

// HostToPlugin gives the address at which the plugin reaches a socket of the
// host program's. It has to be a Unix socket in the directory that New was given;
// other networks are as in PluginToHost. The error is an [*AddressError].
func (a *Attached) HostToPlugin(network, addr string) (pluginNetwork, pluginAddr string, err error) {
	return a.translate("host", network, addr, func() (string, error) {
		name, ok := relative(a.shared.host, filepath.Clean(addr))
		if !ok {
			return "", fmt.Errorf("want a socket in %s", a.shared.host)
		}
		return path.Join(Dir, filepath.ToSlash(name)), nil
	})
}

// translate tells networks apart; files does it for paths.
func (a *Attached) translate(from, network, addr string, files func() (string, error)) (string, string, error) {
	fail := func(err error) (string, string, error) {
		return "", "", &AddressError{Network: network, Address: addr, From: from, Err: err}
	}
	switch {
	case network == "unix" && path.IsAbs(addr):
		to, err := files()
		switch {
		case err != nil:
			return fail(err)
		case len(to) > maxAddress:
			return fail(fmt.Errorf("path of %d bytes is longer than %d", len(to), maxAddress))
		}
		return network, to, nil
	case network == "unix" && !strings.HasPrefix(addr, "@"):
		return fail(errors.New("path is not absolute"))
	case a.tcp:
		return network, addr, nil
	}
	return fail(&sandbox.NotSupportedError{
		Feature: fmt.Sprintf("%s between a host program and a sandbox with a network of its own", network),
		Hint:    "let it listen on a Unix socket with a path, or share the host's network with WithNamespaces",
	})
}
