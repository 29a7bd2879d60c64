// What the launcher says to the host program, and hears from it.
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
	} msg = {0, 0, 0, &iov, 1, &control, kept_count ? control.len : 0, 0};
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
