package launch

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

// TestLauncherIsReproducible: the embedded launchers are what the source gives,
// to the byte.
func TestLauncherIsReproducible(t *testing.T) {
	for _, tool := range []string{"x86_64-linux-gnu-gcc-12", "aarch64-linux-gnu-gcc-12", "aarch64-linux-gnu-objcopy"} {
		if _, err := exec.LookPath(tool); err != nil {
			skip(t, tool+" is not installed")
		}
	}
	dir := t.TempDir()
	if out, err := exec.Command("src/build.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	for _, name := range []string{"launcher_amd64.elf", "launcher_arm64.elf"} {
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
	}
}

// maxLauncher is what the design allows an embedded launcher.
const maxLauncher = 8 << 10

func TestLauncherIsSmall(t *testing.T) {
	for _, name := range []string{"launcher_amd64.elf", "launcher_arm64.elf"} {
		st, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if st.Size() > maxLauncher {
			t.Errorf("%s has %d bytes, more than %d", name, st.Size(), maxLauncher)
		}
	}
}
