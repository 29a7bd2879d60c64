package fs

// Proc says how much /proc shows. The zero value is all of it, but for what is
// masked.
type Proc struct {
	// PIDOnly leaves only the processes: no /proc/meminfo, /proc/sys and the
	// like (procfs subset=pid, Linux 5.8).
	PIDOnly bool `json:"pidOnly,omitempty"`
}

// DefaultMasked are the paths that are hidden: Docker's list, and what else
// tells a sandbox about the host's kernel and hardware. A "*" stands for any
// part of a name.
func DefaultMasked() []string {
	return []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
		"/sys/devices/system/cpu/cpu*/thermal_throttle", "/sys/devices/virtual/powercap", "/sys/firmware",
		// Beyond Docker's.
		"/proc/config.gz", "/proc/dynamic_debug", "/proc/kallsyms", "/proc/key-users", "/proc/kmsg", "/proc/kpagecount", "/proc/kpageflags",
		"/proc/pagetypeinfo", "/proc/pressure", "/proc/slabinfo", "/proc/vmallocinfo",
		"/sys/kernel/debug", "/sys/kernel/notes", "/sys/kernel/security", "/sys/kernel/tracing", "/sys/kernel/vmcoreinfo",
	}
}

// DefaultReadOnly are the paths below /proc that nobody can write to, whatever
// capabilities a sandbox has: Docker's list.
func DefaultReadOnly() []string {
	return []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
}
