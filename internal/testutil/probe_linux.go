package testutil

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// Outcome is what came of one operation of the probe; see internal/probe.
type Outcome struct {
	Op    string
	Out   string
	Errno string
}

// probeEnv names the probe where there is no Go to build it, as in the
// virtual machines.
const probeEnv = "SANDKIT_PROBE"

// buildProbe builds the probe once for the test binary. It is static, so that
// it runs in an empty root.
var buildProbe = sync.OnceValues(func() (string, error) {
	if p := os.Getenv(probeEnv); p != "" {
		return p, nil
	}
	dir, err := os.MkdirTemp("", "sandkit-probe")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // users inside need it as well
		return "", err
	}
	path := filepath.Join(dir, "probe")
	_, self, _, _ := runtime.Caller(0)
	cmd := exec.Command("go", "build", "-o", path, "../probe")
	cmd.Dir = filepath.Dir(self)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &exec.Error{Name: "go build probe: " + string(out), Err: err}
	}
	return path, nil
})

// BuildProbe builds the probe ahead of the first test; TestMain calls it.
func BuildProbe() error {
	_, err := buildProbe()
	return err
}

// RemoveProbe removes the built probe; TestMain calls it at the end.
func RemoveProbe() error {
	p, err := buildProbe()
	if err != nil || p == os.Getenv(probeEnv) {
		return err
	}
	return os.RemoveAll(filepath.Dir(p))
}

// Probe is the path of the probe on the host.
func Probe(tb testing.TB) string {
	tb.Helper()
	p, err := buildProbe()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Outcomes reads what the probe wrote.
func Outcomes(tb testing.TB, out []byte) []Outcome {
	tb.Helper()
	var o []Outcome
	// A program may have written before, on the same stream; the answer of a probe
	// that the probe ran is quoted.
	if i := bytes.LastIndex(out, []byte(`[{"Op":`)); i > 0 {
		out = out[i:]
	}
	if err := json.Unmarshal(out, &o); err != nil {
		tb.Fatalf("probe answered %q: %v", out, err)
	}
	return o
}
