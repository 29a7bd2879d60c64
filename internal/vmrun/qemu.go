//go:build linux

package main

import (
	"fmt"
	"strconv"
	"strings"
)

// QEMU inherits the ports from here on.
const firstPortFD = 3

// qemuArgs is QEMU's command line; klog is the file for the kernel's log.
func qemuArgs(o *options, j *job, khz uint64, klog string) []string {
	args := []string{
		"-accel", o.accel, "-cpu", o.cpu, "-smp", strconv.Itoa(o.smp), "-m", strconv.Itoa(o.memory),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-nic", "none",
		"-kernel", j.kernel.image(), "-initrd", j.initrd, "-append", kernelArgs(o, khz),
		"-serial", "file:" + qemuComma(klog),
		"-device", "virtio-serial-pci,max_ports=8",
	}
	for i, name := range portNames() {
		args = append(
			args,
			"-chardev", fmt.Sprintf("socket,id=%s,fd=%d", name, firstPortFD+i),
			"-device", fmt.Sprintf("virtserialport,chardev=%s,name=%s", name, name),
		)
	}
	if o.icount {
		// Idle time is jumped over.
		args = append(args, "-icount", "shift=0,align=off,sleep=off")
	}
	if o.net {
		args = append(args, "-netdev", "user,id=net0,restrict=on", "-device", "virtio-net-pci,netdev=net0,romfile=")
	}
	for _, i := range j.images {
		drive := fmt.Sprintf("file=%s,format=raw,if=none,cache=unsafe,id=%s", qemuComma(i.file), i.Serial)
		if !i.Writable {
			drive += ",readonly=on"
		}
		args = append(args, "-drive", drive, "-device", fmt.Sprintf("virtio-blk-pci,drive=%s,serial=%s", i.Serial, i.Serial))
	}
	return args
}

// qemuComma quotes a path for an option with commas.
func qemuComma(path string) string { return strings.ReplaceAll(path, ",", ",,") }

// kernelArgs is the kernel's command line.
func kernelArgs(o *options, khz uint64) string {
	if o.icount {
		khz = 1e6 // an instruction is a nanosecond
	}
	args := []string{
		// A busy host makes the guest mismeasure its clock; see tscKHz.
		fmt.Sprintf("tsc_early_khz=%d", khz), "tsc=reliable",
		// It makes it miss interrupts of the timer as well, and give up at boot.
		"no_timer_check",
		"console=ttyS0", "8250.nr_uarts=1",
		// With QEMU's -no-reboot a crash ends the machine at once.
		"panic=-1", "oops=panic",
		// The guest protects nothing from anybody.
		"mitigations=off", "nokaslr", "random.trust_cpu=1", "cryptomgr.notests=1",
		"cgroup_no_v1=all", "psi=1",
		"rdinit=/init",
	}
	if !o.klog {
		args = append(args, "quiet") // a serial port is slow
	}
	if o.append != "" {
		args = append(args, o.append)
	}
	return strings.Join(args, " ")
}
