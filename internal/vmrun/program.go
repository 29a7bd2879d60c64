//go:build linux

package main

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// findProgram is exec.LookPath that also looks where administrators' programs
// are, and returns an absolute path.
func findProgram(name string) (string, error) {
	p, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) && !strings.Contains(name, "/") {
		for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
			if q, e := exec.LookPath(filepath.Join(dir, name)); e == nil {
				p, err = q, nil
				break
			}
		}
	}
	if err != nil {
		return "", fmt.Errorf("find program: %w", err)
	}
	if p, err = filepath.Abs(p); err != nil {
		return "", fmt.Errorf("find program: %w", err)
	}
	return p, nil
}

// addProgram adds the host's program src and the shared libraries it needs.
func (t *tree) addProgram(ctx context.Context, src, name string) error {
	if err := t.addFile(src, name, 0); err != nil {
		return err
	}
	dynamic, err := isDynamic(src)
	if err != nil || !dynamic {
		return err
	}
	out, err := exec.CommandContext(ctx, "ldd", src).Output()
	if err != nil {
		return fmt.Errorf("list libraries of %s: %w", src, err)
	}
	libs, err := parseLdd(string(out))
	if err != nil {
		return fmt.Errorf("list libraries of %s: %w", src, err)
	}
	for _, l := range libs {
		if err := t.addFile(l, l, 0); err != nil {
			return err
		}
	}
	return nil
}

// isDynamic says whether a program names a dynamic loader; a script does not.
func isDynamic(name string) (dynamic bool, err error) {
	file, err := os.Open(name)
	if err != nil {
		return false, fmt.Errorf("read program: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	magic := make([]byte, len(elf.ELFMAG))
	n, err := file.ReadAt(magic, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read program: %w", err)
	}
	if string(magic[:n]) != elf.ELFMAG {
		return false, nil
	}
	f, err := elf.NewFile(file)
	if err != nil {
		return false, fmt.Errorf("read program %s: %w", name, err)
	}
	return slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }), nil
}

// parseLdd returns the files in ldd's output, and fails when one is missing.
func parseLdd(out string) ([]string, error) {
	var libs []string
	for line := range strings.Lines(out) {
		if strings.Contains(line, "not found") {
			return nil, errors.New(strings.TrimSpace(line))
		}
		for word := range strings.FieldsSeq(line) {
			if strings.HasPrefix(word, "/") && !slices.Contains(libs, word) {
				libs = append(libs, word)
			}
		}
	}
	return libs, nil
}

// addPrograms adds the programs of a comma-separated list at their own paths.
// Busybox's applets come last: a program of the list goes before its applet.
func (t *tree) addPrograms(ctx context.Context, names string) error {
	busybox := ""
	for name := range strings.SplitSeq(names, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		p, err := findProgram(name)
		if err != nil {
			return err
		}
		if err := t.addProgram(ctx, p, p); err != nil {
			return err
		}
		if filepath.Base(p) == "busybox" {
			busybox = p
		}
	}
	if busybox == "" {
		return nil
	}
	return t.addApplets(ctx, busybox)
}

// addApplets links the applets that this busybox was built with.
func (t *tree) addApplets(ctx context.Context, busybox string) error {
	out, err := exec.CommandContext(ctx, busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("list busybox applets: %w", err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if t.has("/bin/"+name) || t.has("/sbin/"+name) {
			continue
		}
		if err := t.addLink("/bin/"+name, busybox); err != nil {
			return err
		}
	}
	return nil
}

// addSelf adds vmrun as the machine's first process.
func (t *tree) addSelf(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	return t.addProgram(ctx, self, "/init")
}
