// System calls that only the monitor makes, and constants that differ.
#if defined(__x86_64__)
#define NR_write 1
#define NR_lseek 8
#define NR_pwrite64 18
#define NR_pread64 17
#define NR_getsockopt 55
#define NR_fcntl 72
#define NR_fsync 74
#define NR_fdatasync 75
#define NR_geteuid 107
#define NR_clock_gettime 228
#define NR_openat 257
#define NR_unlinkat 263
#define NR_renameat2 316
#define NR_faccessat 269
#define NR_utimensat 280
#define NR_accept4 288
#define NR_prlimit64 302
#define NR_pidfd_send_signal 424
#define O_NOFOLLOW 0400000
#else
#define NR_fcntl 25
#define NR_unlinkat 35
#define NR_faccessat 48
#define NR_openat 56
#define NR_lseek 62
#define NR_write 64
#define NR_pread64 67
#define NR_pwrite64 68
#define NR_fsync 82
#define NR_fdatasync 83
#define NR_utimensat 88
#define NR_clock_gettime 113
#define NR_geteuid 175
#define NR_getsockopt 209
#define NR_accept4 242
#define NR_prlimit64 261
#define NR_renameat2 276
#define NR_pidfd_send_signal 424
#define O_NOFOLLOW 0100000
#endif
