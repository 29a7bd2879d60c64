//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// options are the command line.
type options struct {
	kernelDir  string
	kernel     string
	smp        int
	memory     int // MiB
	accel      string
	cpu        string
	icount     bool
	net        bool
	append     string // more kernel command line
	modules    string
	addModules string
	sysctls    list
	hostname   string

	bins  string
	files list
	dirs  list
	disk  int // MiB of scratch disk, 0 for none

	uid      int
	env      list
	cgroup   string
	delegate bool

	timeout        time.Duration // 0: see limit
	allowLeftovers bool
	verbose        bool
	klog           bool

	command []string
}

// defaultCPU is everything that QEMU can emulate but CMPXCHG16B: after it,
// QEMU 7.2 leaves bits of an older result in EFLAGS, and an interrupt right then
// makes the kernel's memory allocator crash, once in some hours.
const defaultCPU = "max,cx16=off"

// defaultAccel emulates the processors one at a time. With a thread for each, a
// processor now and then executes a break point after the kernel has replaced it,
// while it patches its code, and the machine dies.
const defaultAccel = "tcg,thread=single"

// list is a flag that may be repeated.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

// Set appends s.
func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

func parseOptions(args []string, out io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("vmrun", flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() {
		_, _ = fmt.Fprintln(out, "usage: vmrun [flags] program [arguments]")
		f.PrintDefaults()
	}
	o.machineFlags(f)
	o.programFlags(f)
	if err := f.Parse(args); err != nil {
		return nil, fmt.Errorf("parse flags: %w", err)
	}
	o.command = f.Args()
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.icount {
		// Counting instructions needs one CPU and one thread.
		o.smp, o.accel = 1, "tcg,thread=single"
	}
	return o, nil
}

func (o *options) machineFlags(f *flag.FlagSet) {
	f.StringVar(&o.kernelDir, "kernels", "", "`folder` made by tools/get-kernel.sh (default $SANDKIT_KERNELS, else sandkit/kernels in the user's cache folder)")
	f.StringVar(&o.kernel, "k", "6.12", "kernel: a `name` under -kernels")
	f.IntVar(&o.smp, "smp", 2, "virtual CPUs")
	f.IntVar(&o.memory, "m", 2048, "`MiB` of memory")
	f.StringVar(&o.accel, "accel", defaultAccel, "QEMU accelerator")
	f.StringVar(&o.cpu, "cpu", defaultCPU, "QEMU CPU model")
	f.BoolVar(&o.icount, "icount", false, "one virtual CPU whose clock advances 1 ns an instruction: slow, but timings repeat and do not depend on the host's load")
	f.BoolVar(&o.net, "net", false, "a virtio network card on a closed network")
	f.StringVar(&o.append, "append", "", "more kernel command line")
	f.StringVar(&o.modules, "modules", defaultModules, "modules to load, with their dependencies")
	f.StringVar(&o.addModules, "add-modules", "", "more modules")
	f.Var(&o.sysctls, "sysctl", "`k=v` (repeatable)")
	f.StringVar(&o.hostname, "hostname", "vm", "host name")
	f.BoolVar(&o.klog, "klog", false, "print the kernel's log")
}

func (o *options) programFlags(f *flag.FlagSet) {
	f.StringVar(&o.bins, "bin", "", "comma-separated host `programs` to add, with their shared libraries; busybox brings its applets")
	f.Var(&o.files, "file", "`host[:guest]` file or folder to copy in; relative to the working directory (repeatable)")
	f.Var(&o.dirs, "dir", "`host:guest` folder, or ext4 image, to mount as a read-only disk (repeatable)")
	f.IntVar(&o.disk, "disk", 0, "`MiB` of a scratch ext4 disk at "+scratchDir+" (0: none)")
	f.IntVar(&o.uid, "uid", 0, "run the program as this user, with its cgroup delegated to it")
	f.Var(&o.env, "env", "`K=V`, or K to pass the host's value on (repeatable)")
	f.StringVar(&o.cgroup, "cgroup", "/vmrun", "cgroup of the program")
	f.BoolVar(&o.delegate, "delegate", true, "give the program its own delegated cgroup; else it runs in the root cgroup")
	f.DurationVar(&o.timeout, "timeout", 0, "limit for everything; SIGQUIT reaches the program 10 s earlier (default the program's -test.timeout and 30 s, else 5m)")
	f.BoolVar(&o.allowLeftovers, "allow-leftovers", false, "only warn when the program leaves something behind")
	f.BoolVar(&o.verbose, "v", false, "print timings")
}

// check finds the mistakes that would otherwise show only inside the machine.
func (o *options) check() error {
	switch {
	case len(o.command) == 0:
		return errors.New("no program given; see -h")
	case o.kernel == "" || strings.ContainsAny(o.kernel, "/") || strings.HasPrefix(o.kernel, "."):
		return fmt.Errorf("bad kernel name %q", o.kernel)
	case o.smp < 1 || o.memory < 128:
		return fmt.Errorf("bad machine: %d CPUs, %d MiB", o.smp, o.memory)
	case o.uid < 0 || o.disk < 0 || o.timeout < 0:
		return errors.New("negative -uid, -disk or -timeout")
	case !strings.HasPrefix(o.cgroup, "/") || o.cgroup == "/" || strings.Contains(o.cgroup, ".."):
		return fmt.Errorf("bad cgroup %q: want a path such as /vmrun", o.cgroup)
	}
	for _, kv := range o.sysctls {
		if !strings.Contains(kv, "=") {
			return fmt.Errorf("bad -sysctl %q: want k=v", kv)
		}
	}
	return nil
}
