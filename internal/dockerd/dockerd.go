// Package dockerd starts a live dockerd to compare with, which leaves the host
// alone: it has a network and mount namespace of its own, its files in one
// directory, and no bridge and no firewall rules.
package dockerd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrNone tells that there is no dockerd, or that it does not run here.
var ErrNone = errors.New("no dockerd")

// Daemon is a running one.
type Daemon struct {
	dir    string
	env    []string
	client string
	cmd    *exec.Cmd
	log    bytes.Buffer
	ended  chan struct{}
}

// find gives the directory of the packages that tools/get-docker.sh has unpacked,
// "/" where docker is installed, and "" where there is none.
func find() string {
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

// Start starts one that keeps all it has in a directory of its own, and returns
// when it answers. The error matches [ErrNone] where that cannot be.
func Start(ctx context.Context) (*Daemon, error) {
	root := find()
	switch {
	case os.Geteuid() != 0:
		return nil, fmt.Errorf("%w: it needs root", ErrNone)
	case root == "":
		return nil, fmt.Errorf("%w: tools/get-docker.sh gets it", ErrNone)
	}
	dir, err := os.MkdirTemp("", "dk") // short: there are sockets in it
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		dir: dir, client: filepath.Join(root, "usr/bin/docker"), ended: make(chan struct{}),
		env: []string{
			fmt.Sprintf("PATH=%[1]s/usr/bin:%[1]s/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin", root), "HOME=" + dir, "DOCKER_HOST=unix://" + dir + "/sock",
			"LD_LIBRARY_PATH=" + root + "/usr/lib/x86_64-linux-gnu:" + root + "/usr/lib/aarch64-linux-gnu",
		},
	}
	// Mounts go with their namespace.
	d.cmd = exec.Command("unshare", "-n", "-m", "dockerd", "--data-root", dir+"/data", "--exec-root", dir+"/run", "-p", dir+"/pid",
		"-H", "unix://"+dir+"/sock", "--bridge=none", "--iptables=false", "--ip6tables=false", "--cgroup-parent", d.group())
	d.cmd.Env, d.cmd.Stdout, d.cmd.Stderr = d.env, &d.log, &d.log
	if err := d.cmd.Start(); err != nil {
		return nil, errors.Join(ErrNone, err, os.RemoveAll(dir))
	}
	go func() { defer close(d.ended); _ = d.cmd.Wait() }()
	for d.Command("version").Run() != nil {
		select {
		case <-d.ended:
			return nil, errors.Join(fmt.Errorf("%w: %s", ErrNone, lastLine(d.log.String())), d.clean())
		case <-ctx.Done():
			return nil, errors.Join(ErrNone, ctx.Err(), d.Stop())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return d, nil
}

func (d *Daemon) group() string { return "/sandkit-docker-" + filepath.Base(d.dir) }

// Command is docker with these arguments.
func (d *Daemon) Command(args ...string) *exec.Cmd {
	cmd := exec.Command(d.client, args...)
	cmd.Env = d.env
	return cmd
}

// Import makes an image of a root.
func (d *Daemon) Import(tar io.Reader, name string) error {
	cmd := d.Command("import", "-", name)
	cmd.Stdin = tar
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("docker import: %w: %s", err, out)
	}
	return nil
}

// Stop ends all containers and the daemon, and removes what it leaves.
func (d *Daemon) Stop() error {
	if ids, err := d.Command("ps", "-aq").Output(); err == nil && len(ids) > 0 {
		_ = d.Command(append([]string{"rm", "-f"}, strings.Fields(string(ids))...)...).Run() // or the end takes a little longer
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-d.ended
	return d.clean()
}

// clean removes its directory and cgroups.
func (d *Daemon) clean() error {
	groups, err := filepath.Glob("/sys/fs/cgroup/*" + d.group())
	errs := []error{err}
	for _, g := range append(groups, "/sys/fs/cgroup"+d.group()) {
		errs = append(errs, removeGroup(g))
	}
	return errors.Join(append(errs, os.RemoveAll(d.dir))...)
}

// removeGroup removes a cgroup, whose last process may still be ending.
func removeGroup(dir string) error {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if time.Now().After(end) {
			return err
		}
	}
}

func lastLine(s string) string {
	all := strings.Split(strings.TrimSpace(s), "\n")
	return all[len(all)-1]
}
