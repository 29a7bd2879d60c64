package sandkit_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testName = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	docLink  = regexp.MustCompile(`\]\(([^)#:]+)\)`)
	docCode  = regexp.MustCompile("(?s)```.*?```")
)

// TestDocs: what the documents name exists, tests and files.
func TestDocs(t *testing.T) {
	code := testCode(t)
	documents, err := filepath.Glob("docs/*.md")
	if err != nil || len(documents) == 0 {
		t.Fatalf("%d documents, %v", len(documents), err)
	}
	for _, path := range append(documents, "README.md", "CHANGELOG.md") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testName.FindAllStringSubmatch(string(b), -1) {
			if !strings.Contains(code, "\nfunc "+m[1]+"(") {
				t.Errorf("%s names %s, which is no test", path, m[1])
			}
		}
		for _, m := range docLink.FindAllStringSubmatch(docCode.ReplaceAllString(string(b), ""), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

// testCode is the text of all tests.
func testCode(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
