package monitor

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// skip leaves a test out, but not in CI, where what it needs must be there.
func skip(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("must run in CI, but: %s", reason)
	}
	t.Skip(reason)
}

// maxMonitor is what the design allows an embedded monitor.
const maxMonitor = 32 << 10

// TestMonitorIsReproducible: the embedded monitors are small, and what the source
// gives, to the byte.
func TestMonitorIsReproducible(t *testing.T) {
	for _, tool := range []string{"x86_64-linux-gnu-gcc-12", "aarch64-linux-gnu-gcc-12", "aarch64-linux-gnu-objcopy"} {
		if _, err := exec.LookPath(tool); err != nil {
			skip(t, tool+" is not installed")
		}
	}
	dir := t.TempDir()
	if out, err := exec.Command("src/build.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	for _, name := range []string{"monitor_amd64.elf", "monitor_arm64.elf"} {
		built, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		embedded, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(built, embedded) {
			t.Errorf("%s is not what src gives: run go generate", name)
		}
		if len(embedded) > maxMonitor {
			t.Errorf("%s has %d bytes, more than %d", name, len(embedded), maxMonitor)
		}
	}
}
