// The execution of a Program.
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
	int i, tries = TRIES;

	for (i = 0; i < 6; i++)
		a[i] = argument(s, i);
	for (;;) {
		r = sys6(s->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		// Somebody who forks just now holds the file open for writing.
		if (r == -ETXTBSY && s->flags & STEP_RETRY_BUSY && tries--)
			sleep_1ms();
		// Somebody renames or mounts just now, and ".." may have led elsewhere.
		else if (r == -EAGAIN && s->nr == NR_openat2 && tries--)
			continue;
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
		idle = s->arg[0];
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
