// Command copyonwrite gives a sandbox a directory as its root. The sandbox
// changes and removes files there, and the directory stays as it was.
//
//	go run ./examples/copyonwrite
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox"
)

const script = `
echo changed > /data/config
rm /data/list
echo new > /data/fresh
echo "inside:  $(cat /data/config), files: $(cd /data && echo *)"
`

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "copyonwrite:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	defer sandbox.Trim() // this program ends soon and leaves nothing ready
	root, err := makeRoot()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()

	// The programs come from this machine. Their owners need not look right.
	usr := fs.BindRO("/usr", "/usr")
	usr.HostOwners = true
	_, err = sandbox.Run(ctx,
		// Some file systems cannot show files with the sandbox's owners (idmapped
		// mounts); here that does not matter.
		sandbox.BestEffort(sandbox.WithRootfs(root)),
		sandbox.WithScratchSize(16<<20),
		sandbox.WithMount(usr),
		sandbox.WithStdout(os.Stdout), sandbox.WithStderr(os.Stderr),
		sandbox.WithCommand("sh", "-c", script),
	)
	if err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(root, "data/config"))
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(root, "data/*"))
	if err != nil {
		return err
	}
	fmt.Printf("outside: %s, files:", config)
	for _, f := range files {
		fmt.Print(" ", filepath.Base(f))
	}
	fmt.Println()
	return nil
}

// makeRoot makes a root that anybody may change, as far as its mode goes.
func makeRoot() (string, error) {
	root, err := os.MkdirTemp("", "sandkit-root")
	if err != nil {
		return "", err
	}
	data := filepath.Join(root, "data")
	errs := []error{os.Chmod(root, 0o755), os.Mkdir(data, 0o755), os.Chmod(data, 0o777)}
	for name, content := range map[string]string{"config": "original", "list": "a b c"} {
		path := filepath.Join(data, name)
		errs = append(errs, os.WriteFile(path, []byte(content), 0o644), os.Chmod(path, 0o666))
	}
	for _, dir := range []string{"bin", "lib", "lib64"} {
		errs = append(errs, os.Symlink("usr/"+dir, filepath.Join(root, dir)))
	}
	return root, errors.Join(errs...)
}
