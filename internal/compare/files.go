package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// files are what the kinds run and run in.
type files struct {
	dir     string
	root    string // a root file system with a static /bin/true
	scratch string
	floor   string // the floor program
}

//go:embed floor/floor.c
var floorSource string

const trueSource = "int main(void) { return 0; }\n"

// prepare makes the root and compiles the programs.
func prepare(dir string) (*files, error) {
	f := &files{dir: dir, root: filepath.Join(dir, "root"), scratch: filepath.Join(dir, "scratch"), floor: filepath.Join(dir, "floor")}
	for _, d := range []string{"root/bin", "root/dev", "root/etc", "root/proc", "root/sys", "root/tmp", "scratch"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	for output, source := range map[string]string{f.floor: floorSource, filepath.Join(f.root, "bin/true"): trueSource} {
		path := filepath.Join(dir, filepath.Base(output)+".c")
		if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
			return nil, err
		}
		if out, err := exec.Command("gcc", "-O2", "-static", "-o", output, path).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("compile %s: %w: %s", filepath.Base(output), err, out)
		}
	}
	return f, os.Chmod(dir, 0o755)
}
