// The end of the sandbox.

// The record of the end: one key and value a line, and newlines up to END_SIZE,
// for which there is room already.
#define END_SIZE 512

static void put_value(const char *key, u64 n)
{
	u32 digits = 1;
	u64 k;

	for (k = n; k >= 10; k /= 10)
		digits++;
	put(key);
	put_digits(n, digits);
	put("\n");
}

// oom_kills reads the group's counter; the file is v1's or v2's.
static u64 oom_kills(void)
{
	static const char key[] = "oom_kill ";
	u8 text[1024];
	u64 found = 0;
	i64 n, i, k;

	if (held[FD_EVENTS] < 0)
		return 0;
	n = SYS4(NR_pread64, held[FD_EVENTS], text, sizeof text, 0);
	for (i = 0; i + 9 < n; i++) {
		for (k = 0; k < 9 && text[i + k] == (u8)key[k]; k++)
			;
		if (k == 9 && (i == 0 || text[i - 1] == '\n'))
			for (i += 9; i < n && text[i] >= '0' && text[i] <= '9'; i++)
				found = found * 10 + text[i] - '0';
	}
	return found;
}

static void write_end(u32 known)
{
	u64 time[2];
	const u64 *usage = (const u64 *)said.usage; // struct rusage: user, system, largest memory
	u32 i;

	SYS3(NR_clock_gettime, CLOCK_REALTIME, time, 0);
	batched = 0;
	put("sandkit end 1\ntoken ");
	for (i = 0; i < sizeof given.token; i++)
		batch[batched++] = given.token[i];
	put_value("\nknown ", known);
	put_value("status ", known ? said.m.arg : SIGKILL);
	put_value("asked ", asked);
	put_value("oom ", oom_kills());
	put_value("seconds ", time[0]);
	put_value("nanoseconds ", time[1]);
	if (known) {
		put_value("user ", usage[0] * 1000000 + usage[1]);
		put_value("system ", usage[2] * 1000000 + usage[3]);
		put_value("rss ", usage[4]);
	}
	put_value("lost ", journal.lost);
	put("complete\n");
	while (batched < END_SIZE)
		batch[batched++] = '\n';
	while (SYS4(NR_pwrite64, held[FD_END], batch, END_SIZE, 0) == -EINTR)
		;
	SYS1(NR_fdatasync, held[FD_END]);
	sys6(NR_renameat2, held[FD_BOX], (u64) "end.new", held[FD_BOX], (u64) "end", 0, 0);
	SYS1(NR_fsync, held[FD_BOX]);
	// Who watches the records looks at it.
	SYS4(NR_utimensat, held[FD_RECORDS], record, 0, 0);
	batched = 0;
}

// remove_dirs removes the groups, and those above if nothing else is in them.
static void remove_dirs(void)
{
	static const u64 pause[2] = {0, 1000000};
	u32 at = 0, tries;

	while (at < given.dirs_len) {
		u32 own = dirs[at++] == 'g'; // nothing but the sandbox was in it

		for (tries = 0; tries < 200; tries++) {
			i64 r = SYS3(NR_unlinkat, AT_FDCWD, dirs + at, AT_REMOVEDIR);

			if (r != -EBUSY || !own)
				break;
			SYS3(NR_nanosleep, pause, 0, 0);
		}
		while (dirs[at++])
			;
	}
}

static void drain(u32 which)
{
	while (streams[which].fd >= 0 && log_stream(which))
		;
}

// finish does what is to be done when process 1 says that it ends, or is gone.
static void __attribute__((noreturn)) finish(void)
{
	u32 known = said_len == sizeof said, i;
	struct pollfd fd = {held[FD_PIDFD], POLLIN, 0};
	static const u64 pause[2] = {0, 20000000};
	i32 c;

	if (!known)
		SYS4(NR_pidfd_send_signal, held[FD_PIDFD], SIGKILL, 0, 0);
	// All others are gone when it is.
	while (!(fd.revents & (POLLIN | POLLERR))) {
		sys6(NR_ppoll, (u64)&fd, 1, (u64)&pause, 0, 0, 0);
		for (i = 0; i < 2; i++)
			drain(i);
	}
	for (i = 0; i < 2; i++) {
		drain(i);
		if (streams[i].fd >= 0) // somebody outside has the other end
			end_stream(i);
	}
	write_end(known);
	close_fd(held[FD_LOCK]); // there is no owner any more
	remove_dirs();
	if (known)
		for (c = 0; c < MAX_CLIENTS; c++)
			tell(c, &said, sizeof said, 0, 0);
	quit(0);
}
