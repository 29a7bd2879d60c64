package seccomp

// denyRules are the calls that the default profile refuses with any set of
// capabilities. The default action would refuse them too; they are listed so
// that each known call has been decided on, which a test checks.
var denyRules = []rule{
	{
		// Does what other calls do from a kernel thread, past any filter, and
		// has a long list of vulnerabilities.
		act:   actErrno | errnoPERM,
		names: []string{"io_uring_enter", "io_uring_register", "io_uring_setup"},
	},
	{
		// Lets a process stop the kernel in the middle of a copy: the helper
		// of many exploits.
		act:   actErrno | errnoPERM,
		names: []string{"userfaultfd"},
	},
	{
		// Keyrings belong to a user, not to a namespace.
		act:   actErrno | errnoPERM,
		names: []string{"add_key", "keyctl", "request_key"},
	},
	{
		// The machine's kernel, swap and root.
		act:   actErrno | errnoPERM,
		names: []string{"kexec_file_load", "kexec_load", "pivot_root", "swapoff", "swapon"},
	},
	{
		// Placing pages on nodes, also those of other processes.
		act:   actErrno | errnoPERM,
		names: []string{"migrate_pages", "move_pages"},
	},
	{
		// 16-bit code segments and old interfaces, which kernels are built
		// without as well, so programs expect ENOSYS.
		act:   actErrno | errnoNOSYS,
		names: []string{"_sysctl", "modify_ldt", "sysfs", "uselib", "ustat"},
	},
	{
		// Numbers without an implementation.
		act: actErrno | errnoNOSYS,
		names: []string{
			"afs_syscall", "create_module", "epoll_ctl_old", "epoll_wait_old", "get_kernel_syms",
			"get_thread_area", "getpmsg", "nfsservctl", "putpmsg", "query_module", "security",
			"set_thread_area", "tuxcall", "vserver",
		},
	},
	{
		// Newer than Docker's list and not needed yet; programs fall back.
		// uprobe is made by the kernel's own probes, which no filter stops.
		act: actErrno | errnoNOSYS,
		names: []string{
			"file_getattr", "file_setattr", "listns", "open_tree_attr", "rseq_slice_yield", "uprobe",
		},
	},
}
