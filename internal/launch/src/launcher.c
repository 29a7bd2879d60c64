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
#define ENTRY "launcher"
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

enum { EINTR = 4, ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EINVAL = 22, EMFILE = 24, ETXTBSY = 26, ENOSPC = 28, EPROTO = 71 };
enum { SIGKILL = 9, SIGCHLD = 17, SIGSTOP = 19, SIG_LAST = 64, SIG_WINCH = 28 };
// Signals that end no program by default: SIGCHLD to SIGURG, and SIGWINCH.
#define HARMLESS 0x10fe0000u
enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, WNOHANG = 1, POLLIN = 1, MSG_NOSIGNAL = 0x4000, PR_CAPBSET_DROP = 24, PTRACE_DETACH = 17, SIGTRAP = 5 };
enum { P_ALL = 0, WEXITED = 4, WNOWAIT = 0x1000000, WALL = 0x40000000 };
enum { SOL_SOCKET = 1, SCM_RIGHTS = 1 };
enum { CLOEXEC = 02000000, SIG_SETMASK = 2 };
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
// The sandbox goes on when the main process has ended, as it does at once.
static u32 idle;
// How often the end of every process is to be told.
static u32 clearing;
// What the host program gets when the main process has executed.
static u32 kept[MAX_KEPT];
static u32 kept_count;
static u8 second_stack[8192] __attribute__((aligned(16)));

// The process that CMD_EXEC makes, while it is on: its pid; its files, as many
// as there are; and a pipe, whose other end only it has until it executes or is
// gone.
static struct {
	u32 on, pid, count, pipe[2];
	u64 files[MAX_EXEC_FILES];
} making;
// The pids of those that were made and run; 0 where there is none.
static u32 made[MAX_EXECS];

#include "control.h"
#include "steps.h"
#include "exec.h"

// main_process is the sandbox's main process before it executes. When it fails
// it may have no control socket any more, so process 1 reports.
void __attribute__((noreturn, used)) main_process(struct step *s)
{
	i64 r;

	if (making.on)
		arrange();
	r = execute(&s, 0);

	failed_step = number_of(s);
	failed_errno = -r;
	wake();
	quit(EXIT_STEP_FAILED);
}

// What is told about the end of a process.
static struct { struct message m; u8 usage[144]; } end;

static void send_end(u32 kind, u32 status, u64 value)
{
	end.m = (struct message){kind, status, value};
	send(&end, sizeof end);
}

// others tells whether any process is left: all are below process 1.
static u64 others(void)
{
	return SYS4(NR_waitid, P_ALL, 0, 0, WEXITED | WNOHANG | WNOWAIT | WALL) == -ECHILD ? 0 : OTHERS;
}

static void reap(void)
{
	u32 status, *place;

	for (;;) {
		i64 pid = SYS4(NR_wait4, -1, &status, WNOHANG, end.usage);

		if (pid == -EINTR)
			continue;
		for (; pid == -ECHILD && clearing; clearing--)
			report(MSG_CLEARED, 0, 0);
		if (pid <= 0)
			return;
		if ((status & 0xff) == 0x7f) { // stopped: it made its parent its tracer
			u32 sig = status >> 8 & 0xff;
			SYS4(NR_ptrace, PTRACE_DETACH, pid, 0, sig == SIGTRAP ? 0 : sig);
			continue;
		}
		if (pid == main_pid) {
			send_end(MSG_EXITED, status, 0);
			quit(EXIT_DONE); // and the kernel ends what is left
		}
		if (making.on && pid == making.pid)
			settle();
		if ((place = place_of(pid))) {
			*place = 0;
			send_end(MSG_EXEC_EXITED, status, pid | others());
		}
	}
}

// forward gives the main process a signal. Where there is none, the sandbox ends
// as most programs would, without the usage of what ended last.
static void forward(u32 sig)
{
	u32 i;

	if (main_pid) // 0 would be everybody in the process group
		SYS3(NR_kill, main_pid, sig, 0);
	else if (idle && (sig > SIG_WINCH || !(HARMLESS >> sig & 1))) {
		for (i = 0; i < sizeof end.usage; i++)
			((volatile u8 *)end.usage)[i] = 0;
		send_end(MSG_EXITED, sig, 0);
		quit(EXIT_DONE);
	}
}

// command obeys one order of the host program, or ends with it.
static void command(void)
{
	struct message m;

	receive_all(&m, sizeof m);
	if (m.kind == CMD_EXEC)
		make();
	else if (m.kind == CMD_SIGNAL && m.value == 0)
		forward(m.arg);
	else if (m.kind == CMD_SIGNAL && place_of(m.value))
		SYS3(NR_kill, m.value, m.arg, 0);
	else if (m.kind == CMD_SOCKET)
		make_socket(m.arg, m.value);
	else if (m.kind == CMD_CLEAR) {
		clearing++;
		SYS3(NR_kill, -1, SIGKILL, 0);
		reap();
	}
}

// stay waits until the main process has executed, then does what process 1
// has to do: reap orphans, forward signals, end with the host program.
static void __attribute__((noreturn)) stay(void)
{
	struct pollfd fds[3] = {{CONTROL, POLLIN, 0}, {0, POLLIN, 0}};
	u64 all = ~0UL;
	u32 pid;
	i64 fd;

	while ((pid = setting_up))
		sys6(NR_futex, (u64)&setting_up, FUTEX_WAIT, pid, 0, 0, 0);
	if (failed_errno) {
		report(MSG_FAILED, failed_step, failed_errno);
		quit(EXIT_STEP_FAILED);
	}
	fd = SYS4(NR_signalfd4, -1, &all, 8, CLOEXEC);
	if (fd < 0) {
		report(MSG_FAILED, NO_STEP, -fd);
		quit(EXIT_STEP_FAILED);
	}
	fds[1].fd = fd;
	SYS3(NR_munmap, BASE, 2 * PART, 0);
	if (idle)
		main_pid = 0;
	report_started();
	reap();
	for (;;) {
		u32 info[32];

		// The orders that follow one for a process wait until it is made. That the
		// host program is gone is told also when nothing is asked for.
		fds[0].events = making.on ? 0 : POLLIN;
		fds[2] = (struct pollfd){making.pipe[0], 0, 0};
		if (sys6(NR_ppoll, (u64)fds, 2 + making.on, 0, 0, 0, 0) < 0)
			continue;
		if (making.on && fds[0].revents)
			quit(EXIT_HOST_GONE);
		if (making.on && fds[2].revents)
			settle();
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
