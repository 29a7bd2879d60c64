package plugin

import (
	"errors"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzAddress: whatever an address is, its translation stays in the directory
// of sockets, and a host program's leads back to it.
func FuzzAddress(f *testing.F) {
	const dir = "/tmp/dir"
	for _, addr := range []string{
		"", "/", "@x", dir, dir + "/a", dir + "/../a", dir + "x/a", dir + "/p/\x00", "127.0.0.1:1",
		ownDir + "/s", ownDir + "/../p/./s", ownDir + "/..", ownDir + "/a/b", Dir + "/s",
	} {
		f.Add("unix", addr)
	}
	f.Add("tcp", "127.0.0.1:1")
	f.Fuzz(func(t *testing.T, network, addr string) {
		d, err := newShared(dir)
		if err != nil {
			t.Fatal(err)
		}
		a := &Attached{shared: d}
		_, inside, err := a.HostToPlugin(network, addr)
		switch e, ok := errors.AsType[*AddressError](err); {
		case err != nil && (!ok || e.Network != network || inside != ""):
			t.Errorf("%q, error %v", inside, err)
		case err != nil:
		case inside != path.Clean(inside) || !strings.HasPrefix(inside, Dir+"/") || len(inside) > maxAddress:
			t.Errorf("%q became %q", addr, inside)
		case dir+strings.TrimPrefix(inside, Dir) != filepath.Clean(addr):
			t.Errorf("%q became %q, which is another", addr, inside)
		}
		if name, ok := ownSocket(addr); ok && (name == "" || name == "." || name == ".." || path.Join(ownDir, name) != path.Clean(addr)) {
			t.Errorf("%q is a socket called %q", addr, name)
		}
	})
}
