package figures

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// ImportCost is what using the package sandbox adds to a program.
type ImportCost struct {
	Size  int64         // of a stripped binary, in bytes
	Init  time.Duration // of package initialization, the least of several starts
	Start time.Duration // of the program from start to end, the median
}

// MeasureImport builds a program that runs a sandbox and one that does nothing
// into dir, and starts each so often, in turn.
func MeasureImport(ctx context.Context, dir string, starts int) (ImportCost, error) {
	var cost [2]ImportCost
	var paths [2]string
	for i, name := range []string{"empty", "importer"} {
		paths[i] = filepath.Join(dir, name)
		if err := build(ctx, paths[i], name); err != nil {
			return ImportCost{}, err
		}
		info, err := os.Stat(paths[i])
		if err != nil {
			return ImportCost{}, err
		}
		cost[i].Size = info.Size()
	}
	times := [2][]time.Duration{}
	for range starts {
		for i, path := range paths {
			took, init, err := startOnce(ctx, path)
			if err != nil {
				return ImportCost{}, err
			}
			if len(times[i]) == 0 || init < cost[i].Init {
				cost[i].Init = init
			}
			times[i] = append(times[i], took)
		}
	}
	for i := range times {
		slices.Sort(times[i])
		cost[i].Start = times[i][starts/2]
	}
	return ImportCost{
		Size:  cost[1].Size - cost[0].Size,
		Init:  cost[1].Init - cost[0].Init,
		Start: cost[1].Start - cost[0].Start,
	}, nil
}

// build makes a stripped binary of a program in testdata.
func build(ctx context.Context, output, name string) error {
	_, self, _, ok := runtime.Caller(0)
	if !ok {
		return errors.New("build program: no path of the source")
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", output, "./testdata/"+name)
	cmd.Dir = filepath.Dir(self)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build program %s: %w: %s", name, err, out)
	}
	return nil
}

// startOnce runs a program once as it is, and once more to see how long its
// packages take to initialize.
func startOnce(ctx context.Context, path string) (took, inits time.Duration, err error) {
	began := time.Now()
	err = exec.CommandContext(ctx, path).Run()
	took = time.Since(began)
	if err != nil {
		return 0, 0, fmt.Errorf("run %s: %w", path, err)
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("run %s: %w: %s", path, err, out)
	}
	inits, err = sumInits(string(out))
	return took, inits, err
}

// sumInits adds up lines like "init fmt @0.12 ms, 0.003 ms clock, ...".
func sumInits(trace string) (sum time.Duration, err error) {
	for line := range strings.Lines(trace) {
		f := strings.Fields(line)
		if len(f) < 6 || f[0] != "init" {
			continue
		}
		d, err := time.ParseDuration(f[4] + f[5])
		if err != nil {
			return 0, fmt.Errorf("read init trace %q: %w", line, err)
		}
		sum += d
	}
	return sum, nil
}
