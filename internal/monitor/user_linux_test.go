package monitor

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// connectAs makes the test binary connect and say what comes of it.
const connectAs = "SANDKIT_TEST_CONNECT"

// TestForeignUser: who is neither the monitor's user nor root is sent away, also
// when the directory would let him in.
func TestForeignUser(t *testing.T) {
	if dir := os.Getenv(connectAs); dir != "" {
		l, err := Connect(testContext(t), dir)
		if err == nil {
			l.Close()
			t.Fatal("connected")
		}
		if !errors.Is(err, ErrGone) {
			t.Fatal(err)
		}
		return
	}
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	r := newRig(t, nil)
	if err := os.Chmod(r.dir+"/"+SocketName, 0o666); err != nil {
		t.Fatal(err)
	}
	// The directory is reached by a descriptor, whatever is above it.
	if err := os.Chmod(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for _, uid := range []uint32{65534, 0} {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestForeignUser$")
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), connectAs+"=/proc/self/fd/3")
		cmd.ExtraFiles = []*os.File{dir}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.CombinedOutput()
		if connected := strings.Contains(string(out), "connected"); connected != (uid == 0) || connected == (err == nil) {
			t.Errorf("uid %d: %v: %s", uid, err, out)
		}
	}
}
