package seccomp

// allowRules are the calls that the default profile lets through whatever
// their arguments, unless a rule of another table is stricter. Names that
// only one architecture has are simply not there on the other.
var allowRules = []rule{
	{
		// Files by path and by descriptor: what a process may open is decided
		// by the sandbox's mounts and by file permissions.
		act: actAllow,
		names: []string{
			"access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat",
			"dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir",
			"fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "fcntl", "fdatasync", "flock",
			"fstat", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd", "getdents", "getdents64",
			"ioctl", "lchown", "link", "linkat", "lseek", "lstat", "mkdir", "mkdirat", "mknod",
			"mknodat", "name_to_handle_at", "newfstatat", "open", "openat", "openat2", "readahead",
			"readlink", "readlinkat", "rename", "renameat", "renameat2", "rmdir", "stat", "statfs",
			"statx", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "truncate", "umask",
			"unlink", "unlinkat", "utime", "utimensat", "utimes",
		},
	},
	{
		// Reading, writing and moving data between descriptors.
		act: actAllow,
		names: []string{
			"pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readv",
			"sendfile", "splice", "tee", "vmsplice", "write", "writev",
		},
	},
	{
		// Extended attributes; the privileged ones are guarded by the kernel.
		act: actAllow,
		names: []string{
			"fgetxattr", "flistxattr", "fremovexattr", "fsetxattr", "getxattr", "getxattrat",
			"lgetxattr", "listxattr", "listxattrat", "llistxattr", "lremovexattr", "lsetxattr",
			"removexattr", "removexattrat", "setxattr", "setxattrat",
		},
	},
	{
		// Views of the own mount namespace: what /proc/self/mountinfo tells.
		act:   actAllow,
		names: []string{"listmount", "statmount"},
	},
	{
		// Waiting for descriptors, pipes, events, file watches.
		act: actAllow,
		names: []string{
			"epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
			"eventfd", "eventfd2", "inotify_add_watch", "inotify_init", "inotify_init1",
			"inotify_rm_watch", "pipe", "pipe2", "poll", "ppoll", "pselect6", "select", "signalfd",
			"signalfd4", "timerfd_create", "timerfd_gettime", "timerfd_settime",
		},
	},
	{
		// The older asynchronous I/O, which databases use; not io_uring.
		act: actAllow,
		names: []string{
			"io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_setup", "io_submit",
		},
	},
	{
		// Sockets. Which families may be created: argumentRules.
		act: actAllow,
		names: []string{
			"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt",
			"listen", "recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto",
			"setsockopt", "shutdown", "socket", "socketpair",
		},
	},
	{
		// System V IPC and POSIX queues: the sandbox has its own IPC namespace.
		act: actAllow,
		names: []string{
			"mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink",
			"msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop",
			"shmat", "shmctl", "shmdt", "shmget",
		},
	},
	{
		// Own memory.
		act: actAllow,
		names: []string{
			"brk", "cachestat", "madvise", "map_shadow_stack", "memfd_create", "memfd_secret",
			"mincore", "mlock", "mlock2", "mlockall", "mmap", "mprotect", "mremap", "mseal", "msync",
			"munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
			"remap_file_pages",
		},
	},
	{
		// Processes and threads. clone without new namespaces: argumentRules.
		act: actAllow,
		names: []string{
			"execve", "execveat", "exit", "exit_group", "fork", "futex", "futex_requeue",
			"futex_wait", "futex_waitv", "futex_wake", "get_robust_list", "getcpu", "getpgid",
			"getpgrp", "getpid", "getppid", "getpriority", "getrlimit", "getrusage", "getsid",
			"gettid", "ioprio_get", "ioprio_set", "membarrier", "pidfd_open", "prctl", "prlimit64",
			"process_mrelease", "restart_syscall", "rseq", "set_robust_list", "set_tid_address",
			"setpgid", "setpriority", "setrlimit", "setsid", "sysinfo", "times", "uname", "vfork",
			"wait4", "waitid",
		},
	},
	{
		// Set up by the C library at the start of each amd64 program, and what
		// the kernel's own return probes use.
		act:   actAllow,
		names: []string{"arch_prctl", "uretprobe"},
	},
	{
		// Scheduling; going above one's share needs a capability or an rlimit.
		act: actAllow,
		names: []string{
			"sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
			"sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity",
			"sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield",
		},
	},
	{
		// Signals; they reach only the own PID namespace.
		act: actAllow,
		names: []string{
			"kill", "pause", "pidfd_send_signal", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
			"rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
			"rt_tgsigqueueinfo", "sigaltstack", "tgkill", "tkill",
		},
	},
	{
		// Clocks and timers. The adjtime calls read without CAP_SYS_TIME and
		// the kernel refuses the rest.
		act: actAllow,
		names: []string{
			"adjtimex", "alarm", "clock_adjtime", "clock_getres", "clock_gettime",
			"clock_nanosleep", "getitimer", "gettimeofday", "nanosleep", "setitimer", "time",
			"timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
		},
	},
	{
		// Identity and capabilities: the kernel lets a process only lose rights.
		act: actAllow,
		names: []string{
			"capget", "capset", "getegid", "geteuid", "getgid", "getgroups", "getresgid",
			"getresuid", "getuid", "setfsgid", "setfsuid", "setgid", "setgroups", "setregid",
			"setresgid", "setresuid", "setreuid", "setuid",
		},
	},
	{
		// A program may sandbox itself further.
		act: actAllow,
		names: []string{
			"getrandom", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self",
			"seccomp",
		},
	},
}
