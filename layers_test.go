package sandkit_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sandkit/sandkit"

// layers are the packages from the bottom up. A package may import those in
// lower layers, and none of its own unless said below.
var layers = [][]string{
	{"internal/sys", "internal/undo", "internal/capability", "internal/capture", "internal/passwd", "internal/keys"},
	{"internal/kernel", "internal/safepath", "internal/program", "internal/pty"},
	{"internal/gate"},
	{"image", "internal/transfer"},
	{"image/store", "image/erofs", "sandbox/volume", "netlink/policy"},
	{"cgroup", "ns", "fs", "netlink", "netlink/dns", "sandbox/seccomp", "sandbox/logs", "sandbox/state", "image/layer"},
	{"internal/launch", "internal/monitor", "cgroup/systemd", "image/archive", "image/rootfs", "image/registry", "image/registry/registrytest"},
	{"sandbox"},
	{"sandbox/sandboxtest", "sandbox/plugin", "sandbox/pool", "sandbox/health"},
}

// outside are libraries that exactly one package may import, with the reason.
var outside = map[string]struct{ owner, why string }{
	"golang.org/x/sys/unix":              {"internal/sys", "one door to the kernel"},
	"github.com/hashicorp/go-multierror": {"internal/undo", "its nil-interface trap stays in one place"},
	"github.com/vishvananda/netns":       {"ns", "namespaces are joined by descriptor only"},
	"github.com/moby/sys/mountinfo":      {"fs", "mounts are this package's business"},
	"github.com/elastic/go-seccomp-bpf":  {"sandbox/seccomp", "filters are this package's business"},
	"github.com/containerd/cgroups":      {"cgroup", "cgroups are this package's business"},
	"github.com/godbus/dbus":             {"cgroup/systemd", "who does not ask systemd for anything is spared D-Bus"},
	"github.com/distribution/reference":  {"", "tests only: it compiles regular expressions at the start of programs"},
	"github.com/opencontainers":          {"image image/layer image/store image/archive image/registry image/registry/registrytest", "formats of images only"},
	"github.com/klauspost/compress":      {"image/layer", "layers are packed and unpacked in one place"},
	"github.com/rogpeppe/go-internal":    {"", "tests only"},
	"github.com/google/go-cmp/cmp":       {"internal/testutil", "tests only"},
	"go.uber.org/goleak":                 {"", "tests only"},
	"os/user":                            {"", "with cgo it asks the host's name services"},
	"oras.land/oras-go":                  {"image/registry", "registries are spoken to in one place"},
	"net":                                {"sandbox sandbox/health netlink netlink/dns netlink/policy image/registry image/registry/registrytest", "it makes programs larger and, with cgo, dynamic; connections are its types"},
	"golang.org/x/net":                   {"netlink/dns", "messages of name servers are read and written in one place"},
	"C":                                  {"", "no cgo"},
	"github.com/sirupsen/logrus":         {"", "logging through slog only"},
	"github.com/hashicorp/go-plugin":     {"", "its hosts bring it; a module of its own proves that the two fit"},
	"unsafe":                             {"internal/sys internal/launch", "pointers go to the kernel in one place"},
}

// TestLayers: imports go down only.
func TestLayers(t *testing.T) {
	level := make(map[string]int)
	for n, packages := range layers {
		for _, p := range packages {
			level[p] = n
		}
	}
	for dir, imports := range projectImports(t) {
		own, known := level[dir]
		if !known {
			if isProgram(dir) {
				continue
			}
			t.Errorf("package %s has no layer", dir)
			continue
		}
		for _, imp := range imports {
			target, ours := strings.CutPrefix(imp, module+"/")
			if n, ok := level[target]; ours && (!ok || n >= own) {
				t.Errorf("%s imports %s, which is not below it", dir, target)
			}
		}
	}
}

// TestImageImports: what handles images only handles bytes. It needs nothing
// that runs programs.
func TestImageImports(t *testing.T) {
	allowed := strings.Fields("internal/sys internal/undo internal/kernel internal/safepath internal/gate")
	for dir, imports := range projectImports(t) {
		if dir != "image" && !strings.HasPrefix(dir, "image/") {
			continue
		}
		for _, imp := range imports {
			target, ours := strings.CutPrefix(imp, module+"/")
			if ours && target != "image" && !strings.HasPrefix(target, "image/") && !slices.Contains(allowed, target) {
				t.Errorf("%s imports %s: image/* only handles bytes", dir, target)
			}
		}
	}
}

// TestOutsideImports: each library has one place.
func TestOutsideImports(t *testing.T) {
	for dir, imports := range projectImports(t) {
		for _, imp := range imports {
			for library, rule := range outside {
				if (imp == library || strings.HasPrefix(imp, library+"/")) && !isProgram(dir) &&
					!slices.Contains(strings.Fields(rule.owner), dir) && imp != "net/netip" {
					t.Errorf("%s imports %s: %s", dir, imp, rule.why)
				}
			}
		}
	}
}

// isProgram tells whether a package is no part of the SDK.
func isProgram(dir string) bool {
	for _, p := range []string{"internal/probe", "internal/testutil", "internal/vmrun", "internal/dockerd", "internal/flows", "internal/compare", "examples", "tools", "sandbox/plugin/internal/e2e"} {
		if dir == p || strings.HasPrefix(dir, p+"/") {
			return true
		}
	}
	return dir == "."
}

// projectImports lists what each package of the module imports outside of
// tests.
func projectImports(t *testing.T) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != "."):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		for _, imp := range f.Imports {
			name, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			all[dir] = append(all[dir], name)
		}
		return nil
	})
	if err != nil || len(all) < 10 {
		t.Fatalf("%d packages found, %v", len(all), err)
	}
	return all
}
