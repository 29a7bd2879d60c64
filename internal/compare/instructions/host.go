package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// module is where the sources of other programs are.
const module = "github.com/sandkit/sandkit"

// runMachines measures in a machine of each kernel.
func runMachines(ctx context.Context, kernels string, runs int) (err error) {
	if runs < 1 {
		return fmt.Errorf("bad -runs: %d", runs)
	}
	dir, err := os.MkdirTemp("", "sandkit-instructions")
	if err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	vmrun := filepath.Join(dir, "vmrun")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", vmrun, module+"/internal/vmrun").CombinedOutput(); err != nil {
		return fmt.Errorf("build vmrun: %w: %s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	floor := filepath.Join(dir, "floor")
	if err := buildFloor(ctx, floor); err != nil {
		fmt.Println("floor is left out:", err)
		floor = ""
	}
	for kernel := range strings.SplitSeq(kernels, ",") {
		cmd := exec.CommandContext(ctx, vmrun, machineArgs(kernel, runs, self, floor)...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("measure with kernel %s: %w", kernel, err)
		}
	}
	return nil
}

// machineArgs are vmrun's arguments.
func machineArgs(kernel string, runs int, self, floor string) []string {
	// A disk, as Linux 6.1 makes no idmapped mounts of memory.
	args := []string{"-icount", "-k", kernel, "-disk", "64", "-env", "TMPDIR=/disk"}
	var have []string
	for _, p := range []string{"crun", "bwrap"} {
		if _, err := exec.LookPath(p); err == nil {
			have = append(have, p)
		}
	}
	args = append(args, "-bin", strings.Join(have, ","))
	if floor != "" {
		args = append(args, "-file", floor)
	}
	return append(args, self, guestArg, strconv.Itoa(runs), floor)
}

// buildFloor compiles the floor program.
func buildFloor(ctx context.Context, output string) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return fmt.Errorf("find the sources: %w", err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "internal/compare/floor/floor.c")
	if out, err := exec.CommandContext(ctx, "gcc", "-O2", "-static", "-o", output, source).CombinedOutput(); err != nil {
		return fmt.Errorf("compile floor: %w: %s", err, out)
	}
	return nil
}
