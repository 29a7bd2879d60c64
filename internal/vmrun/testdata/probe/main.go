// Command probe is what vmrun's end-to-end tests run inside the machine. Its
// arguments are things to do, one after the other.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	for _, arg := range os.Args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		if err := do(name, value); err != nil {
			fmt.Fprintf(os.Stderr, "probe %s: %v\n", name, err)
			os.Exit(99)
		}
	}
}

func do(name, value string) error {
	switch name {
	case "facts":
		return json.NewEncoder(os.Stderr).Encode(gather(value))
	case "stream":
		return stream()
	case "write":
		return os.WriteFile(value, []byte("x"), 0o600)
	case "listen":
		l, err := net.Listen("tcp", value)
		if err != nil {
			return err
		}
		return l.Close()
	case "run":
		return exec.Command("sh", "-c", value).Run()
	case "cgroup":
		return useCgroup()
	case "leave":
		return leave()
	case "crash":
		return os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
	case "sleep":
		if _, err := os.Stdout.WriteString("sleeping\n"); err != nil {
			return err
		}
		time.Sleep(time.Hour)
	case "kill":
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "exit":
		code, err := strconv.Atoi(value)
		if err != nil {
			return err
		}
		os.Exit(code)
	}
	return fmt.Errorf("no such thing")
}

// stream writes every byte value many times, at once: that fits into the
// queues between the machine and the reader of its output.
func stream() error {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	_, err := os.Stdout.Write(bytes.Repeat(all, 8192))
	return err
}

// facts are what the tests look at.
type facts struct {
	UID, GID int
	Dir      string
	Hostname string
	Env      []string
	Cgroup   string
	Mounts   map[string]string // folder to type
	Files    map[string]string // content
}

// gather reads the facts, and the files of a comma-separated list.
func gather(files string) facts {
	f := facts{UID: os.Getuid(), GID: os.Getgid(), Env: os.Environ(), Mounts: map[string]string{}, Files: map[string]string{}}
	f.Dir, _ = os.Getwd()
	f.Hostname, _ = os.Hostname()
	f.Cgroup = read("/proc/self/cgroup")
	for line := range strings.Lines(read("/proc/mounts")) {
		w := strings.Fields(line)
		f.Mounts[w[1]] = w[2]
	}
	for name := range strings.SplitSeq(files, ",") {
		f.Files[name] = read(name)
	}
	return f
}

// read returns a file's content, or why there is none.
func read(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(b)
}

// useCgroup does what the owner of a delegated cgroup may: limit a new child
// and move into it.
func useCgroup() error {
	_, own, _ := strings.Cut(strings.TrimSpace(read("/proc/self/cgroup")), "::")
	leaf := filepath.Join("/sys/fs/cgroup", own)
	child := filepath.Join(filepath.Dir(leaf), "child")
	if err := os.Mkdir(child, 0o755); err != nil {
		return err
	}
	for _, w := range [][2]string{
		{"memory.max", "100000000"},
		{"cpu.max", "50000 100000"},
		{"pids.max", "50"},
		{"cpuset.cpus", "0"},
		{"cgroup.procs", "0"},
	} {
		if err := os.WriteFile(filepath.Join(child, w[0]), []byte(w[1]), 0); err != nil {
			return err
		}
	}
	if got := strings.TrimSpace(read("/proc/self/cgroup")); !strings.HasSuffix(got, "/child") {
		return fmt.Errorf("still in %s", got)
	}
	if err := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte("0"), 0); err != nil {
		return err
	}
	return os.Remove(child)
}

// leave leaves one of each thing behind that vmrun looks for.
func leave() error {
	if err := os.Mkdir("/sys/fs/cgroup/vmrun/stays", 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", "/mnt", "tmpfs", 0, ""); err != nil {
		return err
	}
	if err := exec.Command("sh", "-c", "ip link add stays0 type veth peer name stays1").Run(); err != nil {
		return err
	}
	c := exec.Command("sleep", "1234")
	c.Stdout = os.Stdout // it holds the output, too
	return c.Start()
}
