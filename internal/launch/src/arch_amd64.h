// System calls, the entry point and the second stack on amd64.
#define NR_read 0
#define NR_close 3
#define NR_mmap 9
#define NR_munmap 11
#define NR_rt_sigaction 13
#define NR_rt_sigprocmask 14
#define NR_nanosleep 35
#define NR_socket 41
#define NR_sendto 44
#define NR_sendmsg 46
#define NR_recvmsg 47
#define NR_clone 56
#define NR_kill 62
#define NR_wait4 61
#define NR_ptrace 101
#define NR_prctl 157
#define NR_futex 202
#define NR_exit_group 231
#define NR_waitid 247
#define NR_ppoll 271
#define NR_signalfd4 289
#define NR_dup3 292
#define NR_pipe2 293
#define NR_openat2 437
#define NR_close_range 436

static inline i64 sys6(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	i64 ret;
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

// clone_onto makes a process that shares this one's memory and runs
// main_process(first) on its own stack; *tid holds its pid until it has a
// memory of its own or is gone.
static inline i64 clone_onto(u64 flags, void *stack, u32 *tid, void *first)
{
	i64 ret;
	register u32 *r10 __asm__("r10") = tid;
	register void *r12 __asm__("r12") = first;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "call main_process\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(NR_clone), "D"(flags), "S"(stack), "d"(tid), "r"(r10), "r"(r12)
			 : "rcx", "r11", "memory");
	return ret;
}

__asm__(".globl _start\n"
	"_start:\n\t"
	"xor %ebp, %ebp\n\t"
	"and $-16, %rsp\n\t"
	"call " ENTRY "\n\t"
	"ud2\n");
