package seccomp

// capRules are the calls that the default profile opens with a capability, the
// same ones as Docker's. The kernel checks the capability too; the rules keep
// code out of reach that a sandbox without it has no use for.
var capRules = []rule{
	{
		// Namespaces, mounts and what administers a whole system.
		act:  actAllow,
		gate: gate{caps: []string{"CAP_SYS_ADMIN"}},
		names: []string{
			"bpf", "clone", "clone3", "fanotify_init", "fanotify_mark", "fsconfig", "fsmount",
			"fsopen", "fspick", "lookup_dcookie", "lsm_get_self_attr", "lsm_list_modules",
			"lsm_set_self_attr", "mount", "mount_setattr", "move_mount", "open_tree",
			"perf_event_open", "quotactl", "quotactl_fd", "setdomainname", "sethostname", "setns",
			"syslog", "umount2", "unshare",
		},
	},
	{
		// clone3 passes its flags in memory, where a filter cannot read them.
		// ENOSYS makes the C library use clone.
		act:   actErrno | errnoNOSYS,
		gate:  gate{notCaps: []string{"CAP_SYS_ADMIN"}},
		names: []string{"clone3"},
	},
	{
		// Other processes' memory and descriptors. Docker allows the first
		// three to everybody; a sandbox for one job needs none of them.
		act:  actAllow,
		gate: gate{caps: []string{"CAP_SYS_PTRACE"}},
		names: []string{
			"process_vm_readv", "process_vm_writev", "ptrace",
			"kcmp", "pidfd_getfd", "process_madvise",
		},
	},
	{
		// Opens any file of a file system by number: the "shocker" escape.
		act:   actAllow,
		gate:  gate{caps: []string{"CAP_DAC_READ_SEARCH"}},
		names: []string{"open_by_handle_at"},
	},
	{act: actAllow, gate: gate{caps: []string{"CAP_BPF"}}, names: []string{"bpf"}},
	{act: actAllow, gate: gate{caps: []string{"CAP_PERFMON"}}, names: []string{"perf_event_open"}},
	{act: actAllow, gate: gate{caps: []string{"CAP_SYSLOG"}}, names: []string{"syslog"}},
	{act: actAllow, gate: gate{caps: []string{"CAP_SYS_BOOT"}}, names: []string{"reboot"}},
	{act: actAllow, gate: gate{caps: []string{"CAP_SYS_CHROOT"}}, names: []string{"chroot"}},
	{act: actAllow, gate: gate{caps: []string{"CAP_SYS_PACCT"}}, names: []string{"acct"}},
	{act: actAllow, gate: gate{caps: []string{"CAP_SYS_TTY_CONFIG"}}, names: []string{"vhangup"}},
	{
		act:   actAllow,
		gate:  gate{caps: []string{"CAP_SYS_MODULE"}},
		names: []string{"delete_module", "finit_module", "init_module"},
	},
	{
		act:   actAllow,
		gate:  gate{caps: []string{"CAP_SYS_NICE"}},
		names: []string{"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"},
	},
	{
		act:   actAllow,
		gate:  gate{caps: []string{"CAP_SYS_RAWIO"}},
		names: []string{"ioperm", "iopl"},
	},
	{
		act:   actAllow,
		gate:  gate{caps: []string{"CAP_SYS_TIME"}},
		names: []string{"clock_settime", "settimeofday"},
	},
}
