// The monitor: it owns one sandbox in place of the program that started it. It
// reads what the sandbox prints, writes down how it ends, and passes on what any
// program of the same user says to process 1. It has no policy, no allocation
// but for one order at a time, and no parser but for messages of fixed form.
// handover.h describes what it is given.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef int i32;
typedef long i64;

#include "../../launch/src/wire.h"
#define ENTRY "monitor"
#if defined(__x86_64__)
#include "../../launch/src/arch_amd64.h"
#elif defined(__aarch64__)
#include "../../launch/src/arch_arm64.h"
#else
#error "no monitor for this architecture"
#endif
#include "numbers.h"
#include "handover.h"

#define SYS1(nr, a) sys6(nr, (u64)(a), 0, 0, 0, 0, 0)
#define SYS3(nr, a, b, c) sys6(nr, (u64)(a), (u64)(b), (u64)(c), 0, 0, 0)
#define SYS4(nr, a, b, c, d) sys6(nr, (u64)(a), (u64)(b), (u64)(c), (u64)(d), 0, 0)

enum { ENOENT = 2, EINTR = 4, EAGAIN = 11, EBUSY = 16, EMFILE = 24 };
enum { SIGKILL = 9, SIG_SETMASK = 2, POLLIN = 1, POLLOUT = 4, POLLERR = 8, POLLHUP = 16 };
enum { SOL_SOCKET = 1, SCM_RIGHTS = 1, SO_PEERCRED = 17 };
enum { MSG_CTRUNC = 8, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000, MSG_CMSG_CLOEXEC = 0x40000000 };
enum { O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_APPEND = 02000, O_NONBLOCK = 04000, CLOEXEC = 02000000, O_CLOEXEC = 02000000 };
enum { F_GETFL = 3, F_SETFL = 4, SEEK_END = 2, AT_FDCWD = -100, AT_REMOVEDIR = 0x200 };
enum { PROT_RW = 3, MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20 };
enum { CLOCK_REALTIME = 0, CLOCK_BOOTTIME = 7, RLIMIT_NOFILE = 7, PR_SET_DUMPABLE = 4, PR_SET_NAME = 15 };

#define FIRST 3                // the descriptor of the first client
#define MAX_CLIENTS 64
#define MAX_BAG 64             // descriptors that are only held
#define MAX_ORDER (16u << 20)  // the part of a process to make
#define PATIENCE 10000         // milliseconds that a client has to complete what he began

// Why the sandbox ends, if somebody wants it to.
enum { NOBODY, STOPPED, KILLED, TIMEOUT };

struct pollfd {
	i32 fd;
	u16 events, revents;
};

static struct handover given;
static i32 held[FD_SLOTS]; // -1: none
static i32 bag[MAX_BAG];
static u32 bagged;
static u8 dirs[MAX_DIRS];
static u8 record[65]; // the name of FD_RECORDS's file
static u32 own_uid;
static u8 asked, kill_why;
static u64 kill_at; // 0: never

#include "base.h"
#include "json.h"
#include "log.h"
#include "clients.h"
#include "process1.h"
#include "end.h"

// take reads len bytes of the hand-over.
static void take(void *to, u64 len, i32 *fds, u32 *n)
{
	while (len) {
		i64 got = receive(FIRST, to, len, fds, n, FD_SLOTS + MAX_BAG, 0);

		if (got <= 0)
			quit(1);
		to = (u8 *)to + got;
		len -= got;
	}
}

// keep puts the descriptors into their places.
static void keep(const i32 *fds, u32 n)
{
	u32 i, at = 0;

	for (i = 0; i < FD_SLOTS; i++)
		held[i] = given.has >> i & 1 && at < n ? fds[at++] : -1;
	for (i = 0; i < FD_ALWAYS; i++)
		if (held[i] < 0)
			quit(2);
	while (at < n && bagged < MAX_BAG)
		bag[bagged++] = fds[at++];
	if (at < n || ((held[FD_OUT] >= 0 || held[FD_ERR] >= 0) && (held[FD_LOGDIR] < 0 || held[FD_LOGLOCK] < 0)))
		quit(2);
}

static void nonblocking(i32 fd)
{
	i64 flags = SYS3(NR_fcntl, fd, F_GETFL, 0);

	SYS3(NR_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
}

// take_over receives the sandbox.
static void take_over(void)
{
	static i32 fds[FD_SLOTS + MAX_BAG];
	u32 n = 0, i, pid;
	struct message ready = {MSG_READY, 0, 0};

	take(&given, sizeof given, fds, &n);
	if (given.magic != HANDOVER_MAGIC || given.children > MAX_EXECS || given.name_len > MAX_NAME || given.pending[0] >= LINE || given.pending[1] >= LINE || given.dirs_len > MAX_DIRS)
		quit(2);
	keep(fds, n);
	for (i = 0; i < given.children; i++) {
		take(&pid, sizeof pid, fds, &n);
		made[i].pid = pid; // the first client's
	}
	take(journal.name, given.name_len, fds, &n);
	journal.name_len = given.name_len;
	for (i = 0; i < 2; i++) {
		take(streams[i].data, given.pending[i], fds, &n);
		streams[i].have = given.pending[i];
		streams[i].fd = held[FD_OUT + i];
		if (streams[i].fd >= 0)
			nonblocking(streams[i].fd);
	}
	take(dirs, given.dirs_len, fds, &n);
	if (given.dirs_len && dirs[given.dirs_len - 1])
		quit(2);
	journal.dir = held[FD_LOGDIR];
	journal.files = given.log_files;
	journal.max = given.log_size;
	journal.mode = given.log_mode;
	if (journal.dir >= 0 && !begin_log())
		quit(3);
	memcpy(record, given.id, sizeof given.id);
	if (given.kill_after_ms) {
		kill_at = now_ms() + given.kill_after_ms;
		kill_why = TIMEOUT;
	}
	clients[0].fd = FIRST;
	nonblocking(held[FD_LISTEN]);
	tell(0, &ready, sizeof ready, 0, 0);
	// Until it hears that, or has died, who hands over can kill this monitor and
	// go on with the sandbox as it was.
	receive(FIRST, &ready, sizeof ready, 0, &n, n, 0);
	nonblocking(FIRST);
}

// give_back sends everything to the client who wants it, between two messages.
static void give_back(void)
{
	i32 fds[FD_SLOTS + MAX_BAG];
	struct message m = {MSG_ADOPTED, 0, streams[0].have | (u64)streams[1].have << 32};
	struct iovec iov[3] = {{&m, sizeof m}, {streams[0].data, streams[0].have}, {streams[1].data, streams[1].have}};
	u32 n = 0, i;
	i32 c = wants;

	if (said_len || order.stage != IDLE || waits)
		return; // soon
	wants = -1;
	for (i = 0; i < FD_SLOTS; i++) {
		i32 fd = i == FD_OUT || i == FD_ERR ? streams[i - FD_OUT].fd : held[i];

		if (fd >= 0) {
			m.arg |= 1 << i;
			fds[n++] = fd;
		}
	}
	for (i = 0; i < bagged; i++)
		fds[n++] = bag[i];
	if (send_files(clients[c].fd, iov, 3, fds, n) != (i64)(sizeof m + streams[0].have + streams[1].have)) {
		drop(c);
		return;
	}
	adopter = c;
	order.until = now_ms() + PATIENCE;
}

// await waits until the adopter has everything. Nothing is read meanwhile, so
// that all goes on as it was when he is gone.
static void await_adopter(void)
{
	struct pollfd fd = {clients[adopter].fd, POLLIN, 0};
	u64 now = now_ms(), left = now < order.until ? order.until - now : 0;
	u64 timeout[2] = {left / 1000, left % 1000 * 1000000};

	if (sys6(NR_ppoll, (u64)&fd, 1, (u64)timeout, 0, 0, 0) == 0)
		drop(adopter);
	else
		hear(adopter);
}

// next_time gives when to look again, though nothing happens; 0: never.
static u64 next_time(void)
{
	u64 at = kill_at;

	if (order.stage != IDLE && order.stage < SENDING && (!at || order.until < at))
		at = order.until;
	// Too many descriptors may be on their way, which no event ends.
	if (order.stage == SENDING)
		at = now_ms() + 20;
	return at;
}

static void check_times(void)
{
	u64 now = now_ms();

	if (kill_at && now >= kill_at) {
		kill_at = 0;
		end_sandbox(kill_why);
	}
	if (order.stage != IDLE && order.stage < SENDING && now >= order.until)
		drop(order.owner);
}

enum { AT_CONTROL, AT_OUT, AT_ERR, AT_LISTEN, AT_CLIENTS };
static struct pollfd polled[AT_CLIENTS + MAX_CLIENTS];

static void wait_for_something(void)
{
	u64 at = next_time(), now = now_ms(), left = at > now ? at - now : 0;
	u64 timeout[2] = {left / 1000, left % 1000 * 1000000};
	i32 c;

	polled[AT_CONTROL] = (struct pollfd){held[FD_CONTROL], waits || order.stage == SENDING ? POLLIN | POLLOUT : POLLIN, 0};
	polled[AT_OUT] = (struct pollfd){streams[0].fd, POLLIN, 0};
	polled[AT_ERR] = (struct pollfd){streams[1].fd, POLLIN, 0};
	polled[AT_LISTEN] = (struct pollfd){place() < 0 ? -1 : held[FD_LISTEN], POLLIN, 0};
	for (c = 0; c < MAX_CLIENTS; c++)
		polled[AT_CLIENTS + c] = (struct pollfd){clients[c].fd, listens(c) ? POLLIN : 0, 0};
	if (sys6(NR_ppoll, (u64)polled, AT_CLIENTS + MAX_CLIENTS, at ? (u64)timeout : 0, 0, 0, 0) < 0)
		for (c = 0; c < AT_CLIENTS + MAX_CLIENTS; c++)
			polled[c].revents = 0;
}

static void serve(void)
{
	i32 c;

	wait_for_something();
	for (c = 0; c < 2; c++)
		if (polled[AT_OUT + c].revents)
			log_stream(c);
	if (polled[AT_CONTROL].revents & ~POLLOUT && !hear_one())
		finish();
	relay();
	deliver();
	for (c = 0; c < MAX_CLIENTS; c++) {
		struct pollfd *p = &polled[AT_CLIENTS + c];

		if (clients[c].fd < 0 || clients[c].fd != p->fd || !p->revents)
			continue;
		if (listens(c))
			hear(c);
		else if (p->revents & (POLLERR | POLLHUP))
			drop(c);
	}
	if (polled[AT_LISTEN].revents)
		welcome();
	check_times();
	next_order();
	deliver();
	if (wants >= 0)
		give_back();
}

void __attribute__((noreturn, used)) monitor(void)
{
	u64 all = ~0UL, limit[2];
	u32 i;

	SYS4(NR_rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
	SYS3(NR_close_range, FIRST + 1, ~0u, 0);
	sys6(NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0, 0);
	sys6(NR_prctl, PR_SET_NAME, (u64) "sandkit-monitor", 0, 0, 0, 0);
	SYS4(NR_prlimit64, 0, RLIMIT_NOFILE, 0, limit);
	limit[0] = limit[1];
	SYS4(NR_prlimit64, 0, RLIMIT_NOFILE, limit, 0);
	own_uid = SYS1(NR_geteuid, 0);
	for (i = 0; i < MAX_CLIENTS; i++)
		clients[i].fd = -1;
	streams[0].fd = streams[1].fd = journal.dir = journal.fd = -1;
	take_over();
	for (;;) {
		if (adopter >= 0)
			await_adopter();
		else
			serve();
	}
}
