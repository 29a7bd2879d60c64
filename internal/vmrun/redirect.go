//go:build linux

package main

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// outputs are the host paths that the program is told to write. Inside the
// machine each has a place in outDir, and comes back from there.
type outputs struct {
	paths []output
}

type output struct {
	name string // in outDir
	host string
	dir  bool
}

// How a test binary's flag names what it writes.
type outputKind int

const (
	outputFile outputKind = iota + 1
	outputDir
	outputInDir // a file that, when relative, lies in -test.outputdir
)

func outputFlag(name string) outputKind {
	switch name {
	case "test.testlogfile":
		return outputFile
	case "test.gocoverdir", "test.outputdir":
		return outputDir
	case "test.coverprofile", "test.cpuprofile", "test.memprofile",
		"test.blockprofile", "test.mutexprofile", "test.trace":
		return outputInDir
	}
	return 0
}

// add gives the host's path a place inside the machine and returns that.
func (o *outputs) add(host string, dir bool) string {
	p := output{name: fmt.Sprintf("o%d", len(o.paths)), host: host, dir: dir}
	o.paths = append(o.paths, p)
	return path.Join(outDir, p.name)
}

// find returns the output called name.
func (o *outputs) find(name string) (output, bool) {
	for _, p := range o.paths {
		if p.name == name {
			return p, true
		}
	}
	return output{}, false
}

// redirect returns args with the output paths of a test binary's flags
// replaced by places inside the machine. Relative ones start at cwd.
func (o *outputs) redirect(args []string, cwd string) []string {
	inDir := hasOutputDir(args)
	var res []string
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return append(res, args[i:]...)
		}
		name, value, joined := strings.Cut(args[i], "=")
		kind := outputFlag(flagName(name))
		if kind == 0 || !joined && i+1 == len(args) {
			res = append(res, args[i])
			continue
		}
		if !joined {
			i++
			value = args[i]
		}
		switch {
		case value == "" || kind == outputInDir && inDir && !filepath.IsAbs(value):
			// Off, or it follows its folder.
		case filepath.IsAbs(value):
			value = o.add(value, kind == outputDir)
		default:
			value = o.add(filepath.Join(cwd, value), kind == outputDir)
		}
		res = append(res, name+"="+value)
	}
	return res
}

// flagName is the name in "-name" and "--name", and "" for anything else.
func flagName(arg string) string {
	name, ok := strings.CutPrefix(arg, "-")
	if !ok {
		return ""
	}
	return strings.TrimPrefix(name, "-")
}

func hasOutputDir(args []string) bool {
	for _, a := range args {
		if a == "--" {
			return false
		}
		if name, value, joined := strings.Cut(a, "="); flagName(name) == "test.outputdir" && (!joined || value != "") {
			return true
		}
	}
	return false
}
