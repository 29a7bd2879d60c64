// Those who talk to the sandbox through the monitor. Nobody of them can hold it
// up: what one does not take at once ends his connection.
static struct client {
	i32 fd; // -1: none
	u32 have;
	struct message m;
} clients[MAX_CLIENTS];

// The processes that clients have made, by their pids inside; 0: none.
static struct { u32 pid; i32 owner; } made[MAX_EXECS];

// The order to make a process that is under way: from one client to process 1.
enum { IDLE, HEADER, CODE, FILES, SENDING, ASKED };
static struct {
	u32 stage;
	i32 owner;       // -1: he has gone
	u64 have, want;  // of what is received
	u64 sent;        // to process 1
	u32 groups;      // messages with files that are received or sent
	struct header h;
	u8 *code;        // the order, the header and the part
	u64 unused;
	i32 fds[MAX_EXEC_FILES];
	u32 count;
	u64 until; // when it has to be complete
} order;

// Short orders that process 1 has not taken yet. When they are too many, the next
// are lost, as signals may be.
static struct message waiting[32];
static u32 waits;

static i32 adopter = -1, wants = -1; // who is given everything, who has asked for it

static void drop_order(void)
{
	while (order.count)
		close_fd(order.fds[--order.count]);
	if (order.code)
		SYS3(NR_munmap, order.code, order.want, 0);
	order.code = 0;
	order.stage = IDLE;
}

static void drop(i32 c)
{
	u32 i;

	close_fd(clients[c].fd);
	clients[c].fd = -1;
	for (i = 0; i < MAX_EXECS; i++)
		if (made[i].pid && made[i].owner == c)
			made[i].pid = 0;
	if (order.stage != IDLE && order.owner == c) {
		order.owner = -1;
		if (order.stage < SENDING)
			drop_order();
	}
	if (adopter == c)
		adopter = -1;
	if (wants == c)
		wants = -1;
}

static void tell(i32 c, const void *data, u64 len, const i32 *fds, u32 n)
{
	struct iovec iov = {(void *)data, len};

	if (c >= 0 && clients[c].fd >= 0 && send_files(clients[c].fd, &iov, 1, fds, n) != (i64)len)
		drop(c);
}

static void hello(i32 c)
{
	struct message m = {MSG_HELLO, given.pid, given.main_pid};
	i32 fds[3] = {held[FD_PIDFD]};
	u32 n = 1;

	if (held[FD_ROOT] >= 0) {
		fds[n++] = held[FD_ROOT];
		m.value |= 1UL << 32;
		if (held[FD_CHANGES] >= 0) {
			fds[n++] = held[FD_CHANGES];
			m.value |= 1UL << 33;
		}
	}
	tell(c, &m, sizeof m, fds, n);
}

static i32 place(void)
{
	i32 c;

	for (c = 0; c < MAX_CLIENTS && clients[c].fd >= 0; c++)
		;
	return c < MAX_CLIENTS ? c : -1;
}

// welcome takes a connection from the same user, or root.
static void welcome(void)
{
	struct { i32 pid; u32 uid, gid; } who;
	u32 len = sizeof who;
	i32 c = place();
	i64 fd;

	if (c < 0)
		return;
	fd = SYS4(NR_accept4, held[FD_LISTEN], 0, 0, CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	if (sys6(NR_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (u64)&who, (u64)&len, 0) < 0 || (who.uid != 0 && who.uid != own_uid)) {
		close_fd(fd);
		return;
	}
	clients[c] = (struct client){fd, 0, {0, 0, 0}};
	hello(c);
}

// forward gives process 1 a short order, when no other is half-way.
static void forward(u32 kind, u32 arg, u64 value)
{
	if (waits < sizeof waiting / sizeof *waiting)
		waiting[waits++] = (struct message){kind, arg, value};
}

static void deliver(void)
{
	u32 i;

	while (waits && order.stage != SENDING) {
		i64 n = sys6(NR_sendto, held[FD_CONTROL], (u64)waiting, sizeof *waiting, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);

		if (n != sizeof *waiting)
			return; // a stream of this kind takes 16 bytes as a whole or not at all
		for (i = 1; i < waits; i++)
			waiting[i - 1] = waiting[i];
		waits--;
	}
}

// relay sends process 1 what is left of the order.
static void relay(void)
{
	u64 head = order.want, zero = 0;

	while (order.stage == SENDING) {
		struct iovec iov;
		u32 n = 0;
		i64 sent;

		if (order.sent < head)
			iov = (struct iovec){order.code + order.sent, head - order.sent};
		else {
			n = order.count - order.groups * MAX_FILES;
			if (n > MAX_FILES)
				n = MAX_FILES;
			iov = (struct iovec){&zero, sizeof zero};
		}
		if (order.sent >= head && order.groups == order.h.main_files) {
			i32 owner = order.owner;

			drop_order();
			order.stage = ASKED;
			order.owner = owner;
			return;
		}
		sent = send_files(held[FD_CONTROL], &iov, 1, order.fds + order.groups * MAX_FILES, n);
		if (sent < 0)
			return; // it is tried again
		order.sent += sent;
		if (order.sent > head)
			order.groups++;
	}
}

// next_stage goes on when what was wanted is complete: 0 when it makes no sense.
static u32 next_stage(void)
{
	u64 base = sizeof(struct message) + sizeof order.h;
	i64 at;

	if (order.stage == HEADER) {
		if (order.h.magic != MAGIC || order.h.size > MAX_ORDER || order.h.files > MAX_EXEC_FILES ||
		    order.h.main_files != (order.h.files + MAX_FILES - 1) / MAX_FILES)
			return 0;
		order.want = base + order.h.size;
		at = sys6(NR_mmap, 0, order.want, PROT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at < 0 && at > -4096)
			return 0;
		order.code = (u8 *)at;
		*(struct message *)at = (struct message){CMD_EXEC, 0, 0};
		memcpy(order.code + sizeof(struct message), &order.h, sizeof order.h);
		order.have = base;
		order.stage = CODE;
	}
	if (order.stage == CODE && order.have == order.want)
		order.stage = FILES;
	if (order.stage == FILES && order.groups == order.h.main_files) {
		if (order.count != order.h.files)
			return 0;
		order.stage = SENDING;
		order.groups = 0;
		relay();
	}
	return 1;
}

// take_order takes more of the order: 0 to end the connection.
static u32 take_order(i32 fd)
{
	void *to;
	u64 len;
	i64 n;
	u32 before = order.count;

	switch (order.stage) {
	case HEADER:
		to = (u8 *)&order.h + order.have;
		len = sizeof order.h - order.have;
		break;
	case CODE:
		to = order.code + order.have;
		len = order.want - order.have;
		break;
	default:
		to = &order.unused;
		len = sizeof order.unused - order.have % 8;
	}
	n = receive(fd, to, len, order.fds, &order.count, MAX_EXEC_FILES, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return 1;
	if (n <= 0 || (order.stage != FILES && order.count != before))
		return 0;
	order.have += n;
	if ((u64)n < len)
		return 1;
	if (order.stage == FILES) {
		order.have = 0;
		order.groups++;
	}
	return next_stage();
}

static void end_sandbox(u8 why)
{
	if (!asked || why == KILLED)
		asked = why;
	SYS4(NR_pidfd_send_signal, held[FD_PIDFD], SIGKILL, 0, 0);
}

// obey does what a client says: 0 to end the connection.
static u32 obey(i32 c)
{
	struct message *m = &clients[c].m;
	u64 until;

	switch (m->kind) {
	case CMD_SIGNAL:
		forward(m->kind, m->arg, m->value);
		return 1;
	case CMD_EXEC:
		order.stage = HEADER;
		order.owner = c;
		order.have = order.want = order.sent = 0;
		order.groups = order.count = 0;
		order.until = now_ms() + PATIENCE;
		return 1;
	case CMD_KILL:
		end_sandbox(KILLED);
		return 1;
	case CMD_STOP:
		if (!asked)
			asked = STOPPED;
		if (m->arg)
			forward(CMD_SIGNAL, m->arg, 0);
		until = now_ms() + m->value;
		if (m->value < 1UL << 40 && (!kill_at || kill_at > until)) {
			kill_at = until;
			kill_why = STOPPED;
		}
		return 1;
	case CMD_ADOPT:
		wants = c;
		return 1;
	case CMD_ADOPTED:
		if (adopter == c)
			quit(0);
	}
	return 0;
}

// obey_when_free obeys a message that is complete, or leaves it for later.
static void obey_when_free(i32 c)
{
	if (clients[c].have < sizeof clients[c].m || (clients[c].m.kind == CMD_EXEC && order.stage != IDLE))
		return;
	clients[c].have = 0;
	if (!obey(c))
		drop(c);
}

// hear reads from a client.
static void hear(i32 c)
{
	struct client *from = &clients[c];
	u32 none = 0;
	i64 n;

	if (order.owner == c && order.stage >= HEADER && order.stage <= FILES) {
		if (!take_order(from->fd))
			drop(c);
		return;
	}
	n = receive(from->fd, (u8 *)&from->m + from->have, sizeof from->m - from->have, 0, &none, 0, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	from->have += n;
	obey_when_free(c);
}

// listens tells whether a client is read from: one at a time makes a process, and
// the next who wants to waits.
static u32 listens(i32 c) { return clients[c].have < sizeof clients[c].m; }

static void next_order(void)
{
	i32 c;

	for (c = 0; c < MAX_CLIENTS && order.stage == IDLE; c++)
		if (clients[c].fd >= 0 && !listens(c))
			obey_when_free(c);
}
