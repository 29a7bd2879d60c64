//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	nosuidDev     = syscall.MS_NOSUID | syscall.MS_NODEV
	nosuidDevExec = nosuidDev | syscall.MS_NOEXEC
)

// mountPoint is one mount of the machine.
type mountPoint struct {
	source, dir, typ string
	flags            uintptr
	data             string
	optional         bool // a kernel may lack it
}

// baseMounts are those that systemd would make.
func baseMounts() []mountPoint {
	return []mountPoint{
		{"proc", "/proc", "proc", nosuidDevExec, "", false},
		{"sysfs", "/sys", "sysfs", nosuidDevExec, "", false},
		{"devtmpfs", "/dev", "devtmpfs", syscall.MS_NOSUID, "mode=0755", false},
		{"devpts", "/dev/pts", "devpts", syscall.MS_NOSUID | syscall.MS_NOEXEC, "gid=5,mode=620,ptmxmode=666", false},
		{"tmpfs", "/dev/shm", "tmpfs", nosuidDev, "mode=1777", false},
		{"mqueue", "/dev/mqueue", "mqueue", nosuidDevExec, "", false},
		{"tmpfs", "/run", "tmpfs", nosuidDev, "mode=0755", false},
		// A true tmpfs: the initial root file system has no idmapped mounts.
		{"tmpfs", tempDir, "tmpfs", nosuidDev, "mode=1777", false},
		{"cgroup2", cgroupRoot, "cgroup2", nosuidDevExec, "nsdelegate,memory_recursiveprot", false},
		{"securityfs", "/sys/kernel/security", "securityfs", nosuidDevExec, "", true},
		{"bpf", "/sys/fs/bpf", "bpf", nosuidDevExec, "mode=0700", true},
	}
}

func (m mountPoint) mount() error {
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return fmt.Errorf("mount %s: %w", m.dir, err)
	}
	if err := syscall.Mount(m.source, m.dir, m.typ, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s: %w", m.dir, err)
	}
	return nil
}

// mountBase gives the machine its root and the kernel's file systems.
func mountBase(warn func(string)) error {
	if err := moveRoot(); err != nil {
		return err
	}
	for _, m := range baseMounts() {
		err := m.mount()
		if err != nil && m.optional {
			warn(err.Error())
			continue
		}
		if err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, "/dev/"+name); err != nil {
			return fmt.Errorf("link /dev/%s: %w", name, err)
		}
	}
	return nil
}

// moveRoot makes "/" a mount that pivot_root(2) accepts, which it does not of
// the initial root. A bind mount of it, moved over "/", is an ordinary mount
// with the same files, and costs no copy. It is shared, as systemd's is.
func moveRoot() error {
	const root = ownDir + "/root"
	if err := (mountPoint{source: "/", dir: root, flags: syscall.MS_BIND}).mount(); err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	if err := syscall.Mount(".", "/", "", syscall.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move root: %w", err)
	}
	if err := syscall.Chroot("."); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	return mountPoint{source: "none", dir: "/", flags: syscall.MS_REC | syscall.MS_SHARED}.mount()
}

// mountDisks mounts the disks where the host wants them.
func mountDisks(disks []disk) error {
	serials, err := filepath.Glob("/sys/block/vd*/serial")
	if err != nil {
		return fmt.Errorf("list disks: %w", err)
	}
	devices := map[string]string{}
	for _, f := range serials {
		b, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("identify disk: %w", err)
		}
		devices[strings.TrimSpace(string(b))] = "/dev/" + filepath.Base(filepath.Dir(f))
	}
	for _, d := range disks {
		dev, ok := devices[d.Serial]
		if !ok {
			return fmt.Errorf("mount %s: no disk %q", d.Dir, d.Serial)
		}
		m := mountPoint{source: dev, dir: d.Dir, typ: "ext4"}
		if !d.Writable {
			m.flags, m.data = syscall.MS_RDONLY, "noload"
		}
		if err := m.mount(); err != nil {
			return err
		}
		if d.Writable {
			if err := syscall.Chmod(d.Dir, 0o1777); err != nil {
				return fmt.Errorf("open %s to all: %w", d.Dir, err)
			}
		}
	}
	return nil
}
