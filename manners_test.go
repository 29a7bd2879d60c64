package sandkit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestManners: a package that other programs embed does nothing when it is
// imported, is not steered by environment variables, and does not end the
// program.
func TestManners(t *testing.T) {
	banned := map[string]string{
		"os.Getenv": "environment variables steer nothing", "os.LookupEnv": "environment variables steer nothing",
		"os.Environ": "nothing is inherited", "os.Setenv": "the host program's environment is its own",
		"os.Exit": "the host program decides when it ends", "os.Chdir": "the host program's directory is its own",
		"syscall.Umask": "the host program's file mode mask is its own", "signal.Notify": "signals are the host program's",
		"slog.Default": "logging goes where it was asked for", "slog.SetDefault": "logging goes where it was asked for",
	}
	// What a package documents, it may do.
	documented := map[string][]string{
		"internal/gate/dir.go":         {"os.Getenv"},     // where the user's data are
		"image/registry/authfile.go":   {"os.Getenv"},     // where the user's credentials are
		"sandbox/forward.go":           {"signal.Notify"}, // ForwardSignals
		"sandbox/interactive_linux.go": {"signal.Notify"}, // that the terminal's size has changed
		"sandbox/sandboxtest/need.go":  {"os.Getenv"},     // whether a test must run
	}
	files := 0
	for path, file := range parsed(t) {
		files++
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					t.Errorf("%s: init runs in every program that imports it", path)
				}
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok {
					call := pkg.Name + "." + n.Sel.Name
					if why, bad := banned[call]; bad && !slices.Contains(documented[path], call) {
						t.Errorf("%s: %s.%s: %s", path, pkg.Name, n.Sel.Name, why)
					}
				}
			}
			return true
		})
	}
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}

// TestPackageComments: each package says once what it is.
func TestPackageComments(t *testing.T) {
	said := make(map[string][]string)
	for path, file := range parsed(t) {
		dir := filepath.Dir(path)
		if _, known := said[dir]; !known {
			said[dir] = nil
		}
		if file.Doc != nil {
			said[dir] = append(said[dir], path)
		}
	}
	for dir, docs := range said {
		if len(docs) != 1 {
			t.Errorf("package %s has %d comments: %v", dir, len(docs), docs)
		}
	}
}

// parsed gives the source files of the SDK without tests and programs.
func parsed(t *testing.T) map[string]*ast.File {
	t.Helper()
	all := make(map[string]*ast.File)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == ".":
			return nil
		case d.IsDir() && (isProgram(path) || slices.Contains([]string{"testdata", ".git", "bin"}, d.Name())):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		all[path], err = parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
