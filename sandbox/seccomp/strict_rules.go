package seccomp

// Commands of fcntl, from the Linux headers for 64-bit systems.
const (
	fcntlGetLK, fcntlSetLK, fcntlSetLKW          = 5, 6, 7
	fcntlOFDGetLK, fcntlOFDSetLK, fcntlOFDSetLKW = 36, 37, 38
	fcntlSetLease, fcntlGetLease, fcntlNotify    = 1024, 1025, 1026
	fcntlGetDeleg, fcntlSetDeleg                 = 1039, 1040 // Linux 6.19
)

const (
	seccompSetModeFilter   = 1
	seccompFlagNewListener = 8
)

// strictRules is what Strict refuses on top of the default profile, whatever
// the capabilities.
var strictRules = []rule{
	// Locks on a file that two sandboxes have read-only are a channel between
	// them. ENOLCK is what a file system without locks says.
	{act: actErrno | errnoNOLCK, names: []string{"flock"}},
	{act: actErrno | errnoNOLCK, names: []string{"fcntl"}, conds: []condition{low32(1, fcntlGetLK)}},
	{act: actErrno | errnoNOLCK, names: []string{"fcntl"}, conds: []condition{low32(1, fcntlSetLK)}},
	{act: actErrno | errnoNOLCK, names: []string{"fcntl"}, conds: []condition{low32(1, fcntlSetLKW)}},
	{act: actErrno | errnoNOLCK, names: []string{"fcntl"}, conds: []condition{low32(1, fcntlOFDGetLK)}},
	{act: actErrno | errnoNOLCK, names: []string{"fcntl"}, conds: []condition{low32(1, fcntlOFDSetLK)}},
	{act: actErrno | errnoNOLCK, names: []string{"fcntl"}, conds: []condition{low32(1, fcntlOFDSetLKW)}},

	// Leases and delegations hold up an open() by the host, directory notices
	// tell of its activity.
	{act: actErrno | errnoPERM, names: []string{"fcntl"}, conds: []condition{low32(1, fcntlSetLease)}},
	{act: actErrno | errnoPERM, names: []string{"fcntl"}, conds: []condition{low32(1, fcntlGetLease)}},
	{act: actErrno | errnoPERM, names: []string{"fcntl"}, conds: []condition{low32(1, fcntlNotify)}},
	{act: actErrno | errnoPERM, names: []string{"fcntl"}, conds: []condition{low32(1, fcntlGetDeleg)}},
	{act: actErrno | errnoPERM, names: []string{"fcntl"}, conds: []condition{low32(1, fcntlSetDeleg)}},

	{
		// Who else opens a shared file, or has read it into the page cache.
		act: actErrno | errnoNOSYS,
		names: []string{
			"cachestat", "fanotify_init", "fanotify_mark", "inotify_add_watch", "inotify_init",
			"inotify_init1", "inotify_rm_watch", "mincore",
		},
	},
	{
		// Looking into other processes, also with CAP_SYS_PTRACE.
		act: actErrno | errnoPERM,
		names: []string{
			"kcmp", "perf_event_open", "pidfd_getfd", "process_madvise", "process_mrelease",
			"process_vm_readv", "process_vm_writev", "ptrace",
		},
	},
	{
		// A filter may be added, but not one that asks a process in the sandbox.
		act:   actErrno | errnoPERM,
		names: []string{"seccomp"},
		conds: []condition{
			low32(0, seccompSetModeFilter),
			{arg: 1, op: opMaskedEqual, mask: seccompFlagNewListener, value: seccompFlagNewListener},
		},
	},
	{
		// Kernel code that few programs need.
		act: actErrno | errnoNOSYS,
		names: []string{
			"io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_setup", "io_submit",
			"memfd_secret", "name_to_handle_at", "remap_file_pages", "vmsplice",
		},
	},
}
