// System calls, the entry point and the second stack on arm64.
#define NR_dup3 24
#define NR_close 57
#define NR_pipe2 59
#define NR_read 63
#define NR_ppoll 73
#define NR_signalfd4 74
#define NR_exit_group 94
#define NR_waitid 95
#define NR_futex 98
#define NR_nanosleep 101
#define NR_ptrace 117
#define NR_kill 129
#define NR_rt_sigaction 134
#define NR_rt_sigprocmask 135
#define NR_prctl 167
#define NR_socket 198
#define NR_sendto 206
#define NR_sendmsg 211
#define NR_recvmsg 212
#define NR_munmap 215
#define NR_clone 220
#define NR_mmap 222
#define NR_wait4 260
#define NR_openat2 437
#define NR_close_range 436

static inline i64 sys6(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 x8 __asm__("x8") = nr;
	register u64 x0 __asm__("x0") = a;
	register u64 x1 __asm__("x1") = b;
	register u64 x2 __asm__("x2") = c;
	register u64 x3 __asm__("x3") = d;
	register u64 x4 __asm__("x4") = e;
	register u64 x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

// clone_onto: see arch_amd64.h. The kernel's order of arguments differs: the
// thread pointer comes before the child's tid.
static inline i64 clone_onto(u64 flags, void *stack, u32 *tid, void *first)
{
	register u64 x8 __asm__("x8") = NR_clone;
	register u64 x0 __asm__("x0") = flags;
	register void *x1 __asm__("x1") = stack;
	register u32 *x2 __asm__("x2") = tid;
	register u64 x3 __asm__("x3") = 0;
	register u32 *x4 __asm__("x4") = tid;
	register void *x19 __asm__("x19") = first;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x19\n\t"
			 "bl main_process\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x19)
			 : "memory");
	return x0;
}

__asm__(".globl _start\n"
	"_start:\n\t"
	"mov x29, xzr\n\t"
	"mov x30, xzr\n\t"
	"bl " ENTRY "\n\t"
	"brk #1\n");
