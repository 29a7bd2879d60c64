//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// job is all that the machine is made of.
type job struct {
	kernel     kernel
	initrd     string // file
	initrdSize int64
	images     []image
	outputs    *outputs
}

// prepare makes the machine's files in the folder tmp.
func prepare(ctx context.Context, o *options, tmp string) (*job, error) {
	k, err := findKernel(o.kernelDir, o.kernel)
	if err != nil {
		return nil, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find working directory: %w", err)
	}
	program, err := findProgram(o.command[0])
	if err != nil {
		return nil, err
	}
	mods, err := findModules(k.modules(), o.wantedModules())
	if err != nil {
		return nil, err
	}
	images, err := makeImages(ctx, o, tmp)
	if err != nil {
		return nil, err
	}

	j := &job{kernel: k, images: images, outputs: &outputs{}, initrd: filepath.Join(tmp, "initrd")}
	s := spec{
		Args: append([]string{program}, j.outputs.redirect(o.command[1:], cwd)...),
		Env:  o.environ(cwd, j.outputs),
		Dir:  cwd, UID: o.uid, Cgroup: o.cgroup, Delegate: o.delegate,
		Sysctls: o.sysctls, Hostname: o.hostname,
	}
	for _, i := range images {
		s.Disks = append(s.Disks, i.disk)
	}
	for _, m := range mods {
		s.Modules = append(s.Modules, m.name)
	}
	t, err := rootTree(ctx, o, s, mods, j.outputs)
	if err != nil {
		return nil, err
	}
	j.initrdSize, err = t.writeTo(j.initrd)
	return j, err
}

func (o *options) wantedModules() []string {
	want := strings.Fields(o.modules + " " + o.addModules)
	if o.net {
		want = append(want, "virtio_net")
	}
	return want
}

// rootTree puts the machine's root file system together.
func rootTree(ctx context.Context, o *options, s spec, mods []module, out *outputs) (*tree, error) {
	hidden := []string{"/proc", "/sys", "/dev", "/run", tempDir}
	for _, d := range s.Disks {
		hidden = append(hidden, d.Dir)
	}
	t, err := newTree(hidden...)
	if err != nil {
		return nil, err
	}
	if err := t.addBase(o.uid); err != nil {
		return nil, err
	}
	js, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the machine's orders: %w", err)
	}
	if err := t.addData(specFile, 0o600, js); err != nil {
		return nil, err
	}
	if err := t.addSelf(ctx); err != nil {
		return nil, err
	}
	for _, m := range mods {
		if err := t.addFile(m.file, moduleDir+"/"+m.name+".ko", 0); err != nil {
			return nil, err
		}
	}
	if err := t.addWork(ctx, o, s); err != nil {
		return nil, err
	}
	if err := t.addOutputs(out); err != nil {
		return nil, err
	}
	return t, t.addEtc(o.uid)
}

// addWork adds what the user asked for: the program, its working directory
// with testdata, the programs of -bin and the files of -file.
func (t *tree) addWork(ctx context.Context, o *options, s spec) error {
	if err := t.addDir(s.Dir, 0o755, s.UID); err != nil {
		return err
	}
	if err := t.addProgram(ctx, s.Args[0], s.Args[0]); err != nil {
		return err
	}
	testdata := filepath.Join(s.Dir, "testdata")
	if _, err := os.Stat(testdata); err == nil {
		if err := t.copyIn(testdata, testdata, s.UID); err != nil {
			return err
		}
	}
	for _, f := range o.files {
		host, guest := splitPair(f, s.Dir)
		if err := t.copyIn(host, guest, 0); err != nil {
			return err
		}
	}
	return t.addPrograms(ctx, o.bins)
}

// splitPair takes "host:guest" apart and makes both absolute. Without guest
// the file keeps its path.
func splitPair(s, cwd string) (host, guest string) {
	host, guest, _ = strings.Cut(s, ":")
	if guest == "" {
		guest = host
	}
	abs := func(p string) string {
		if filepath.IsAbs(p) {
			return filepath.Clean(p)
		}
		return filepath.Join(cwd, p)
	}
	return abs(host), abs(guest)
}
