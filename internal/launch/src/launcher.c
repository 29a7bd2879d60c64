// The launcher: it receives a Program (a list of system calls made by the
// host program, package internal/program), executes it, and stays as process
// 1 of the sandbox. It has no parser, no allocation and no policy: what it
// does is what the Program says. wire.h describes the format.
//
// Life: launcher() runs on the first stack as the future process 1. A SPAWN
// step makes the main process, which shares this memory, but not the
// descriptors, until it executes, and runs its own steps on the second stack.
// All of the sandbox's processes die with process 1, and process 1 ends when
// the control socket is closed, which the kernel does when the host program is
// gone, however it ended.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef int i32;
typedef long i64;

#include "wire.h"
#if defined(__x86_64__)
#include "arch_amd64.h"
#elif defined(__aarch64__)
#include "arch_arm64.h"
#else
#error "no launcher for this architecture"
#endif

#define SYS1(nr, a) sys6(nr, (u64)(a), 0, 0, 0, 0, 0)
#define SYS3(nr, a, b, c) sys6(nr, (u64)(a), (u64)(b), (u64)(c), 0, 0, 0)
#define SYS4(nr, a, b, c, d) sys6(nr, (u64)(a), (u64)(b), (u64)(c), (u64)(d), 0, 0)

#define CONTROL 0 // the control socket's descriptor

enum { EINTR = 4, ENOMEM = 12, EACCES = 13, EINVAL = 22, ETXTBSY = 26, ENOSPC = 28, EPROTO = 71 };
enum { SIGKILL = 9, SIGCHLD = 17, SIGSTOP = 19, SIG_LAST = 64 };
enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, WNOHANG = 1, POLLIN = 1, MSG_NOSIGNAL = 0x4000, PR_CAPBSET_DROP = 24, PTRACE_DETACH = 17, SIGTRAP = 5 };
enum { SOL_SOCKET = 1, SCM_RIGHTS = 1 };
enum { SFD_CLOEXEC = 02000000, SIG_SETMASK = 2 };
enum { PROT_RW = 3, MAP_PRIVATE_ANON_FIXED_NOREPLACE = 0x100022 };
enum { CLONE_VM = 0x100, CLONE_PARENT_SETTID = 0x100000, CLONE_CHILD_CLEARTID = 0x200000 };

// Exit codes of the launcher itself; the host program reads messages, people
// read these.
enum { EXIT_DONE = 0, EXIT_STEP_FAILED = 120, EXIT_HOST_GONE = 121, EXIT_BAD_PROGRAM = 122 };

struct pollfd {
	u32 fd;
	u16 events, revents;
};

// A part of the Program in memory.
struct part {
	struct header h;
	struct step *steps;
};
static struct part parts[2];
// The second part is there.
static volatile u32 second_part;

// The main process's pid; the kernel clears it when the main process has
// executed or is gone (CLONE_CHILD_CLEARTID).
static volatile u32 setting_up;
// The step of the main process that failed, and its errno.
static volatile u32 failed_step, failed_errno;
// Counts posts and failures, so that who waits for one can sleep on one word.
static volatile u32 events;
static u32 main_pid;
// What the host program gets when the main process has executed.
static u32 kept[MAX_KEPT];
static u32 kept_count;
static u8 second_stack[8192] __attribute__((aligned(16)));

static void __attribute__((noreturn)) quit(int code)
{
	for (;;)
		SYS1(NR_exit_group, code);
}

static void send(const void *msg, u64 len)
{
	sys6(NR_sendto, CONTROL, (u64)msg, len, MSG_NOSIGNAL, 0, 0);
}

static void report(u32 kind, u32 arg, u64 value)
{
	struct message m = {kind, arg, value};

	send(&m, sizeof m);
}

// report_started hands over what was kept.
static void report_started(void)
{
	struct message m = {MSG_STARTED, main_pid, 0};
	struct { void *base; u64 len; } iov = {&m, sizeof m};
	struct { u64 len; u32 level, type, fds[MAX_KEPT]; } control = {16 + 4 * kept_count, SOL_SOCKET, SCM_RIGHTS, {0}};
	struct {
		void *name; u32 namelen; u32 pad;
		void *iov; u64 iovlen;
		void *control; u64 controllen;
		u32 flags;
	} msg = {0, 0, 0, &iov, 1, &control, kept_count ? 16 + 8 : 0, 0};
	u32 i;

	for (i = 0; i < kept_count; i++)
		control.fds[i] = kept[i];
	SYS3(NR_sendmsg, CONTROL, &msg, MSG_NOSIGNAL);
	for (i = 0; i < kept_count; i++)
		SYS1(NR_close, kept[i]);
}

static void receive_all(void *to, u64 len)
{
	while (len) {
		i64 n = SYS3(NR_read, CONTROL, to, len);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			quit(EXIT_HOST_GONE);
		to = (u8 *)to + n;
		len -= n;
	}
}

// receive_files takes one message of len bytes with up to MAX_FILES
// descriptors, which land on the lowest free numbers in the order in which
// they were sent. It writes the numbers to fds, if that is given.
static u64 receive_files(void *to, u64 len, u64 **fds)
{
	u8 control[16 + 4 * MAX_FILES] __attribute__((aligned(8)));
	struct { void *base; u64 len; } iov = {to, len};
	struct {
		void *name; u32 namelen; u32 pad;
		void *iov; u64 iovlen;
		void *control; u64 controllen;
		u32 flags;
	} msg = {0, 0, 0, &iov, 1, control, sizeof control, 0};
	u64 i, files;
	i64 n;

	do
		n = SYS3(NR_recvmsg, CONTROL, &msg, 0);
	while (n == -EINTR);
	if (n <= 0)
		quit(EXIT_HOST_GONE);
	receive_all((u8 *)to + n, len - n);
	if (msg.controllen < 16)
		return 0;
	files = (*(u64 *)control - 16) / 4; // cmsg_len; the numbers follow the header
	for (i = 0; fds && i < files; i++)
		*(*fds)++ = ((u32 *)control)[4 + i];
	return files;
}

// receive_part takes a part and gives its first step.
static struct step *receive_part(u32 n)
{
	static u64 numbers[MAX_FILES];
	struct part *p = &parts[n];
	u64 base = BASE + n * PART, *next = numbers, i, files;

	files = receive_files(&p->h, sizeof p->h, &next);
	if (p->h.magic != MAGIC || p->h.size > PART) {
		report(MSG_FAILED, NO_STEP, EPROTO);
		quit(EXIT_BAD_PROGRAM);
	}
	if (sys6(NR_mmap, base, p->h.size, PROT_RW, MAP_PRIVATE_ANON_FIXED_NOREPLACE, -1, 0) != (i64)base) {
		report(MSG_FAILED, NO_STEP, ENOMEM);
		quit(EXIT_BAD_PROGRAM);
	}
	receive_all((void *)base, p->h.size);
	for (i = 0; i < files; i++)
		((u64 *)p->h.files)[i] = numbers[i];
	return p->steps = (struct step *)base;
}

// number_of tells part and number of a step.
static u32 number_of(struct step *s)
{
	u32 n = (u64)s >= BASE + PART;

	return n << PART_BITS | (u32)(s - parts[n].steps);
}

static void sleep_1ms(void)
{
	u64 t[2] = {0, 1000000};

	SYS3(NR_nanosleep, t, 0, 0);
}

// ignored tells whether the step goes on in spite of this errno.
static int ignored(const struct step *s, u32 errno)
{
	int i;

	for (i = 0; i < 4; i++)
		if (s->ignore[i] == errno)
			return 1;
	return 0;
}

// argument gives the value of a step's argument.
static u64 argument(const struct step *s, int i)
{
	return s->slots >> i & 1 ? *(u64 *)s->arg[i] : s->arg[i];
}

// call makes a step's system call: its result, or a negative errno. An errno
// that the step ignores counts as 0.
static i64 call(struct step *s)
{
	u64 a[6];
	i64 r;
	int i, tries = TXTBSY_TRIES;

	for (i = 0; i < 6; i++)
		a[i] = argument(s, i);
	for (;;) {
		r = sys6(s->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		// Somebody who forks just now holds the file open for writing.
		if (r == -ETXTBSY && s->flags & STEP_RETRY_BUSY && tries--)
			sleep_1ms();
		else if (r != -EINTR)
			break;
	}
	if (s->flags & STEP_WHOLE && r >= 0 && (u64)r < a[2])
		return -ENOSPC;
	if (r < 0 && r > -4096) {
		if (!ignored(s, -r))
			return r;
		// A search along PATH goes on, and remembers that a file was there.
		if (r == -EACCES && s->denied)
			*(u64 *)s->denied = EACCES;
		r = SKIPPED;
	}
	if (s->out)
		*(u64 *)s->out = r;
	return r == SKIPPED ? 0 : r;
}

// default_signals gives the main process what a freshly booted machine's first
// process has: nothing ignored, nothing blocked.
static i64 default_signals(void)
{
	u64 action[4] = {0, 0, 0, 0}, none = 0;
	u32 sig;

	for (sig = 1; sig <= SIG_LAST; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			SYS4(NR_rt_sigaction, sig, action, 0, 8);
	return SYS4(NR_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
}

// denied ends a search along PATH: a file that was there but may not be
// executed is the better error.
static i64 denied(struct step *s)
{
	return *(u64 *)s->arg[0] ? -(i64)EACCES : -(i64)s->arg[1];
}

static i64 block_signals(void)
{
	u64 all = ~0UL;

	return SYS4(NR_rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
}

// wake lets the other process look whether what it waits for has happened.
static void wake(void)
{
	__atomic_add_fetch(&events, 1, __ATOMIC_SEQ_CST);
	sys6(NR_futex, (u64)&events, FUTEX_WAKE, 1, 0, 0, 0);
}

static i64 post(volatile u32 *word)
{
	*word = 1;
	wake();
	return 0;
}

static i64 spawn(struct step *s)
{
	u64 flags = s->arg[0] | CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
	i64 pid = clone_onto(flags, second_stack + sizeof second_stack, (u32 *)&setting_up, parts[0].steps + parts[0].h.main);

	if (pid < 0)
		return pid;
	main_pid = pid;
	return 0;
}

// host_alive ends the sandbox before its main process runs when the host
// program died while it was being set up.
static i64 host_alive(void)
{
	struct pollfd fd = {CONTROL, 0, 0};
	u64 now[2] = {0, 0};

	if (sys6(NR_ppoll, (u64)&fd, 1, (u64)now, 0, 0, 0) > 0)
		quit(EXIT_HOST_GONE);
	return 0;
}

// drop_bounding drops every capability that this kernel knows from the
// bounding set, but for those to keep.
static i64 drop_bounding(u64 keep)
{
	u64 cap;
	i64 r;

	for (cap = 0; cap < 64; cap++) {
		if (keep >> cap & 1)
			continue;
		r = SYS3(NR_prctl, PR_CAPBSET_DROP, cap, 0);
		if (r == -EINVAL)
			return 0; // the last one was the one before
		if (r < 0)
			return r;
	}
	return 0;
}

// keep closes everything but the control socket and what the host program is
// to get: the number of descriptors, and these.
static i64 keep(const struct step *s)
{
	u32 from, i, next;
	i64 r = 0;

	kept_count = s->arg[0];
	for (i = 0; i < kept_count; i++)
		kept[i] = argument(s, i + 1);
	for (from = CONTROL + 1; r >= 0; from = next + 1) {
		next = ~0u;
		for (i = 0; i < kept_count; i++)
			if (kept[i] >= from && kept[i] < next)
				next = kept[i];
		if (next == ~0u)
			return SYS3(NR_close_range, from, ~0u, 0);
		if (next > from)
			r = SYS3(NR_close_range, from, next - 1, 0);
	}
	return r;
}

static void __attribute__((noreturn)) stay(void);

// await waits until a word is posted. Process 1 also looks whether the main
// process is still there to post it: one that was killed cannot say so.
static i64 await(volatile u32 *word, int is_init)
{
	u64 timeout[2] = {0, 20000000};
	u32 seen;

	for (;;) {
		seen = events;
		if (*word)
			return 0;
		if (is_init && (failed_errno || !setting_up))
			stay();
		sys6(NR_futex, (u64)&events, FUTEX_WAIT, seen, is_init ? (u64)timeout : 0, 0, 0);
	}
}

// cut goes on with the second part: process 1 receives it, the main process
// waits for that.
static struct step *cut(int is_init)
{
	struct step *first;

	if (is_init) {
		first = receive_part(1);
		post(&second_part);
		return first;
	}
	await(&second_part, 0);
	return parts[1].steps + parts[1].h.main;
}

// take_files receives the main process's files.
static i64 take_files(void)
{
	u32 n = parts[second_part].h.main_files;
	u64 unused;

	while (n--)
		receive_files(&unused, sizeof unused, 0);
	return 0;
}

// step executes one step: 0, or a negative errno.
static i64 step(struct step *s, int is_init)
{
	i64 r;

	switch (s->nr) {
	case OP_SPAWN:
		return spawn(s);
	case OP_AWAIT:
		return await((u32 *)s->arg[0], is_init);
	case OP_POST:
		return post((u32 *)s->arg[0]);
	case OP_DEFAULT_SIGNALS:
		return default_signals();
	case OP_DENIED:
		return denied(s);
	case OP_HOST_ALIVE:
		return host_alive();
	case OP_DROP_BOUNDING:
		return drop_bounding(s->arg[0]);
	case OP_KEEP:
		return keep(s);
	case OP_FILES:
		return take_files();
	case OP_STAY:
		stay();
	}
	r = call(s);
	if (r > 0 && s->flags & STEP_FORK) {
		// The child goes on; this process has done its work.
		report(MSG_FORKED, 0, r);
		quit(EXIT_DONE);
	}
	return r < 0 ? r : 0;
}

// execute runs steps until one fails.
static i64 execute(struct step **at, int is_init)
{
	struct step *s = *at;
	i64 r;

	for (;;) {
		if (s->nr == OP_CUT) {
			s = cut(is_init);
			continue;
		}
		r = step(s, is_init);
		if (r < 0)
			break;
		s++;
	}
	*at = s;
	return r;
}

// main_process is the sandbox's main process before it executes. When it fails
// it may have no control socket any more, so process 1 reports.
void __attribute__((noreturn, used)) main_process(struct step *s)
{
	i64 r = execute(&s, 0);

	failed_step = number_of(s);
	failed_errno = -r;
	wake();
	quit(EXIT_STEP_FAILED);
}

static void reap(void)
{
	struct { struct message m; u8 usage[144]; } end;
	u32 status;

	for (;;) {
		i64 pid = SYS4(NR_wait4, -1, &status, WNOHANG, end.usage);

		if (pid == -EINTR)
			continue;
		if (pid <= 0)
			return;
		if ((status & 0xff) == 0x7f) { // stopped: it made its parent its tracer
			u32 sig = status >> 8 & 0xff;
			SYS4(NR_ptrace, PTRACE_DETACH, pid, 0, sig == SIGTRAP ? 0 : sig);
			continue;
		}
		if (pid == main_pid) {
			end.m = (struct message){MSG_EXITED, status, 0};
			send(&end, sizeof end);
			quit(EXIT_DONE); // and the kernel ends what is left
		}
	}
}

static void forward(u32 sig)
{
	if (main_pid) // 0 would be everybody in the process group
		SYS3(NR_kill, main_pid, sig, 0);
}

// command obeys one order of the host program, or ends with it.
static void command(void)
{
	struct message m;

	receive_all(&m, sizeof m);
	if (m.kind == CMD_SIGNAL)
		forward(m.arg);
}

// stay waits until the main process has executed, then does what process 1
// has to do: reap orphans, forward signals, end with the host program.
static void __attribute__((noreturn)) stay(void)
{
	struct pollfd fds[2] = {{CONTROL, POLLIN, 0}, {0, POLLIN, 0}};
	u64 all = ~0UL;
	u32 pid;
	i64 fd;

	while ((pid = setting_up))
		sys6(NR_futex, (u64)&setting_up, FUTEX_WAIT, pid, 0, 0, 0);
	if (failed_errno) {
		report(MSG_FAILED, failed_step, failed_errno);
		quit(EXIT_STEP_FAILED);
	}
	fd = SYS4(NR_signalfd4, -1, &all, 8, SFD_CLOEXEC);
	if (fd < 0) {
		report(MSG_FAILED, NO_STEP, -fd);
		quit(EXIT_STEP_FAILED);
	}
	fds[1].fd = fd;
	SYS3(NR_munmap, BASE, 2 * PART, 0);
	report_started();
	reap();
	for (;;) {
		u32 info[32];

		if (sys6(NR_ppoll, (u64)fds, 2, 0, 0, 0, 0) < 0)
			continue;
		if (fds[1].revents && SYS3(NR_read, fd, info, sizeof info) > 0) {
			if (info[0] == SIGCHLD)
				reap();
			else
				forward(info[0]);
		}
		if (fds[0].revents)
			command();
	}
}

void __attribute__((noreturn, used)) launcher(void)
{
	struct step *s;
	i64 r;

	block_signals();
	// What the host program left open for its children would take the places
	// of the descriptors that are about to come, and is nobody's business here.
	SYS3(NR_close_range, CONTROL + 1, ~0u, 0);
	s = receive_part(0);
	r = execute(&s, 1);
	if (failed_errno) // the main process failed first, and this is a consequence
		report(MSG_FAILED, failed_step, failed_errno);
	else
		report(MSG_FAILED, number_of(s), -r);
	quit(EXIT_STEP_FAILED);
}
