package flows

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
)

// dockerd is a live one, in a network and mount namespace of its own.
type dockerd struct {
	env     []string
	program string // the client
}

// findDocker gives the directory of the unpacked packages that tools/get-docker.sh
// leaves, "/" where docker is installed, and "" where there is none.
func findDocker() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	for _, root := range []string{filepath.Join(cache, "sandkit/docker"), "/"} {
		if _, err := os.Stat(filepath.Join(root, "usr/sbin/dockerd")); err == nil {
			return root
		}
	}
	return ""
}

// startDocker starts dockerd, or skips the test where that cannot be.
func startDocker(t *testing.T) *dockerd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("dockerd needs root")
	}
	root := findDocker()
	if root == "" {
		testutil.Skip(t, "no dockerd: tools/get-docker.sh gets it")
	}
	dir, err := os.MkdirTemp("", "dk") //nolint:usetesting // the test's name would make paths of sockets too long
	if err != nil {
		t.Fatal(err)
	}
	paths := fmt.Sprintf("%[1]s/usr/bin:%[1]s/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin", root)
	d := &dockerd{
		program: filepath.Join(root, "usr/bin/docker"),
		env: []string{
			"PATH=" + paths, "HOME=" + dir, "DOCKER_HOST=unix://" + dir + "/sock",
			"LD_LIBRARY_PATH=" + root + "/usr/lib/x86_64-linux-gnu:" + root + "/usr/lib/aarch64-linux-gnu",
		},
	}
	// Mounts go with the namespace, and with --bridge=none nothing is made that
	// belongs to no container.
	cmd := exec.Command("unshare", "-n", "-m", "dockerd", "--data-root", dir+"/data", "--exec-root", dir+"/run", "-p", dir+"/pid",
		"-H", "unix://"+dir+"/sock", "--bridge=none", "--iptables=false", "--ip6tables=false", "--cgroup-parent", "/sandkit-docker-"+filepath.Base(dir))
	var log bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = d.env, &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = cmd.Wait() }()
	t.Cleanup(func() { d.stop(t, cmd, done, dir) })
	for {
		select {
		case <-done:
			t.Skipf("dockerd does not run here: %s", lastLine(log.String()))
		case <-time.After(50 * time.Millisecond):
		}
		if d.docker(call{}, []string{"version"}) == 0 {
			return d
		}
	}
}

// stop ends dockerd, which ends containerd, and removes what they leave.
func (d *dockerd) stop(t *testing.T, cmd *exec.Cmd, done <-chan struct{}, dir string) {
	var ids bytes.Buffer // what scripts that failed have left would delay the end
	d.docker(call{stdout: &ids}, []string{"ps", "-aq"})
	if ids.Len() > 0 {
		d.docker(call{}, append([]string{"rm", "-f"}, strings.Fields(ids.String())...))
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Log(err)
	}
	<-done
	groups, err := filepath.Glob("/sys/fs/cgroup/*/sandkit-docker-" + filepath.Base(dir))
	if err != nil {
		t.Error(err)
	}
	for _, g := range groups {
		if err := os.Remove(g); err != nil {
			t.Log(err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

// load makes the image that scripts run.
func (d *dockerd) load(tar []byte) error {
	var out bytes.Buffer
	if code := d.docker(call{stdin: bytes.NewReader(tar), stdout: &out, stderr: &out}, []string{"import", "-", imageName}); code != 0 {
		return fmt.Errorf("docker import: exit code %d: %s", code, out.String())
	}
	return nil
}

func (d *dockerd) docker(c call, args []string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.program, args...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.dir, d.env, c.stdin, c.stdout, c.stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return 125
	}
	return 0
}

// close leaves the daemon to the next script.
func (d *dockerd) close() error { return nil }

func lastLine(s string) string {
	all := strings.Split(strings.TrimSpace(s), "\n")
	return all[len(all)-1]
}
