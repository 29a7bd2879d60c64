package plugin

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox"
)

// attached is a plugin's view of a directory of sockets, without a plugin.
func attached(t *testing.T, tcp bool) *Attached {
	t.Helper()
	d, err := newShared(socketDir(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.make(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.remove(); err != nil {
			t.Error(err)
		}
	})
	return &Attached{shared: d, tcp: tcp}
}

func listen(t *testing.T, file string) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestHostToPlugin(t *testing.T) {
	for _, x := range []struct {
		name, network, addr string
		tcp                 bool
		want, fails         string
	}{
		{name: "socket", network: "unix", addr: "DIR/plugin1", want: "/run/plugin/plugin1"},
		{name: "below", network: "unix", addr: "DIR/a/b", want: "/run/plugin/a/b"},
		{name: "not clean", network: "unix", addr: "DIR/./a//b/../c", want: "/run/plugin/a/c"},
		{name: "name with dots", network: "unix", addr: "DIR/..a", want: "/run/plugin/..a"},
		{name: "elsewhere", network: "unix", addr: "/var/run/x.sock", fails: "want a socket in DIR"},
		{name: "climbs out", network: "unix", addr: "DIR/../x.sock", fails: "want a socket in DIR"},
		{name: "neighbour", network: "unix", addr: "DIRx/x.sock", fails: "want a socket in DIR"},
		{name: "the directory", network: "unix", addr: "DIR", fails: "want a socket in DIR"},
		{name: "relative", network: "unix", addr: "x.sock", fails: "not absolute"},
		{name: "empty", network: "unix", fails: "not absolute"},
		{name: "too long", network: "unix", addr: "DIR/" + strings.Repeat("x", 96), fails: "path of 108 bytes is longer than 107"},
		{name: "abstract", network: "unix", addr: "@x", fails: "network of its own"},
		{name: "tcp", network: "tcp", addr: "127.0.0.1:1234", fails: "tcp between a host program and a sandbox with a network of its own"},
		{name: "tcp of one network", network: "tcp", addr: "127.0.0.1:1234", tcp: true, want: "127.0.0.1:1234"},
		{name: "abstract of one network", network: "unix", addr: "@x", tcp: true, want: "@x"},
	} {
		t.Run(x.name, func(t *testing.T) {
			a := attached(t, x.tcp)
			here := func(s string) string { return strings.ReplaceAll(s, "DIR", a.shared.host) }
			network, addr, err := a.HostToPlugin(x.network, here(x.addr))
			checkAddress(t, "host", x.network, network, addr, err, x.want, here(x.fails))
		})
	}
}

func checkAddress(t *testing.T, from, network, gotNetwork, got string, err error, want, fails string) {
	t.Helper()
	if fails == "" {
		if err != nil || got != want || gotNetwork != network {
			t.Errorf("%s %s, %v; want %s %s", gotNetwork, got, err, network, want)
		}
		return
	}
	e, ok := errors.AsType[*AddressError](err)
	if !ok || e.From != from || e.Network != network || !strings.Contains(err.Error(), fails) || got != "" {
		t.Errorf("%q, %v; want an error that says %q", got, err, fails)
	}
	if unsupported := errors.Is(err, sandbox.ErrNotSupported); unsupported != strings.Contains(fails, "network of its own") {
		t.Errorf("not supported: %v, of %v", unsupported, err)
	}
}

func TestPluginToHost(t *testing.T) {
	for _, x := range []struct {
		name, addr, fails string
		before            func(t *testing.T, own string)
	}{
		{name: "socket", addr: "/run/plugin/p/s"},
		{name: "not clean", addr: "/run//plugin/p/../p/s"},
		{name: "outside", addr: "/tmp/s", fails: "want a socket in /run/plugin/p, which is PLUGIN_UNIX_SOCKET_DIR"},
		{name: "the host's", addr: "/run/plugin/s", fails: "want a socket"},
		{name: "climbs out", addr: "/run/plugin/p/../s", fails: "want a socket"},
		{name: "deep", addr: "/run/plugin/p/a/s", fails: "want a socket"},
		{name: "missing", addr: "/run/plugin/p/none", fails: "no such file"},
		{name: "link", addr: "/run/plugin/p/link", fails: "it is no socket: L", before: func(t *testing.T, own string) {
			if err := os.Symlink(filepath.Join(own, "s"), filepath.Join(own, "link")); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "file", addr: "/run/plugin/p/file", fails: "it is no socket: -", before: func(t *testing.T, own string) {
			if err := os.WriteFile(filepath.Join(own, "file"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "directory", addr: "/run/plugin/p/dir", fails: "not permitted", before: func(t *testing.T, own string) {
			if err := os.Mkdir(filepath.Join(own, "dir"), 0o700); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			a := attached(t, false)
			listen(t, filepath.Join(a.shared.own(), "s"))
			if x.before != nil {
				x.before(t, a.shared.own())
			}
			network, addr, err := a.PluginToHost("unix", x.addr)
			checkAddress(t, "plugin", "unix", network, addr, err, filepath.Join(a.shared.host, "s1"), x.fails)
			if left, _ := filepath.Glob(filepath.Join(a.shared.host, "s*")); x.fails != "" && len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// TestExchangedSocket: what a plugin does to a name after the host program was
// told of it does not lead the host program elsewhere.
func TestExchangedSocket(t *testing.T) {
	a := attached(t, false)
	name := filepath.Join(a.shared.own(), "s")
	first := listen(t, name)
	_, addr, err := a.PluginToHost("unix", "/run/plugin/p/s")
	if err != nil {
		t.Fatal(err)
	}
	if _, again, err := a.PluginToHost("unix", "/run/plugin/p/s"); again != addr || err != nil {
		t.Errorf("asked again: %s, %v, want %s", again, err, addr)
	}
	victim := filepath.Join(a.shared.host, "victim")
	listen(t, victim)
	if err := errors.Join(os.Remove(name), os.Symlink(victim, name)); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reached, err := first.Accept()
	if err != nil {
		t.Fatalf("the plugin's socket was not reached: %v", err)
	}
	defer reached.Close()
	if _, _, err := a.PluginToHost("unix", "/run/plugin/p/s"); err == nil {
		t.Error("the link is no error")
	}
	if _, err := os.Lstat(addr); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the name of the socket that is gone is still there: %v", err)
	}
	if err := errors.Join(a.shared.remove(), a.shared.remove()); err != nil {
		t.Error(err)
	}
	if _, _, err := a.PluginToHost("unix", "/run/plugin/p/s"); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("after the end: %v", err)
	}
}

// TestHostNetwork: with the host's network, addresses of other networks stay.
func TestHostNetwork(t *testing.T) {
	for _, x := range []struct {
		from ns.Namespace
		want bool
	}{{ns.Namespace{}, false}, {ns.OfHost(), true}, {ns.OfPID(os.Getpid()), false}} {
		r, err := New(&exec.Cmd{Path: "/bin/true"}, socketDir(t), sandbox.WithNamespaces(ns.Set{Net: x.from}))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := r.PluginToHost("tcp", "127.0.0.1:1"); (err == nil) != x.want {
			t.Errorf("%v: %v", x.from, err)
		}
		if err := r.Kill(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
