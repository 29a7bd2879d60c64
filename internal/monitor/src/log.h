// The files of the log.
static struct {
	i32 dir, fd; // -1: there is no log
	u32 torn;    // the file ends within a line
	u32 files, mode;
	u64 size, max;
	u64 lost; // records that a full disk took none of
	u8 name[MAX_NAME + 32];
	u32 name_len;
} journal;

// What was read of a stream and is not logged yet.
static struct {
	i32 fd; // -1: it has ended
	u32 have;
	u8 data[LINE + 32768];
} streams[2];

static u8 other[2][MAX_NAME + 32]; // names

// name_of gives the name of a file that is so many files older; packed or not.
static const u8 *name_of(u8 *to, u32 older, const char *suffix)
{
	u32 n = journal.name_len, digits = 1, k;

	memcpy(to, journal.name, n);
	if (older) {
		to[n++] = '.';
		for (k = older; k >= 10; k /= 10)
			digits++;
		for (k = digits; k-- > 0; older /= 10)
			to[n + k] = '0' + older % 10;
		n += digits;
	}
	while (*suffix)
		to[n++] = *suffix++;
	to[n] = 0;
	return to;
}

static i64 rename_log(u32 from, const char *from_suffix, u32 to, const char *to_suffix)
{
	name_of(other[0], from, from_suffix);
	name_of(other[1], to, to_suffix);
	return sys6(NR_renameat2, journal.dir, (u64)other[0], journal.dir, (u64)other[1], 0, 0);
}

static i64 remove_log(u32 n, const char *suffix)
{
	return SYS3(NR_unlinkat, journal.dir, name_of(other[0], n, suffix), 0);
}

static i64 open_log(const char *suffix, u32 flags)
{
	return SYS4(NR_openat, journal.dir, name_of(other[0], 0, suffix), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, journal.mode);
}

// begin_log goes on where the writer before has ended.
static u32 begin_log(void)
{
	u8 last = '\n';
	i64 size;

	journal.fd = open_log("", 0);
	if (journal.fd < 0 || (size = SYS3(NR_lseek, journal.fd, 0, SEEK_END)) < 0)
		return 0;
	if (size && SYS4(NR_pread64, journal.fd, &last, 1, size - 1) != 1)
		return 0;
	journal.size = size;
	journal.torn = last != '\n';
	return 1;
}

static u32 there(u32 n, const char *suffix)
{
	return SYS3(NR_faccessat, journal.dir, name_of(other[0], n, suffix), 0) == 0;
}

// rotate begins the next file. When that fails, this one grows on.
static void rotate(void)
{
	static const char *suffixes[2] = {"", ".gz"};
	i64 next, r = 0;
	u32 n = 1, i;

	remove_log(0, ".new");
	next = open_log(".new", O_EXCL);
	if (next < 0)
		return;
	while (there(n, "") || there(n, ".gz"))
		n++;
	while (--n > 0)
		for (i = 0; i < 2; i++) {
			if (n + 1 < journal.files)
				r = rename_log(n, suffixes[i], n + 1, suffixes[i]);
			else
				r = remove_log(n, suffixes[i]);
			if (r < 0 && r != -ENOENT)
				goto failed;
		}
	if (journal.files > 1 && (r = rename_log(0, "", 1, "")) < 0 && r != -ENOENT)
		goto failed;
	if (rename_log(0, ".new", 0, "") < 0) {
		if (journal.files > 1)
			rename_log(1, "", 0, "");
		goto failed;
	}
	close_fd(journal.fd);
	journal.fd = next;
	journal.size = journal.torn = 0;
	return;
failed:
	close_fd(next);
	remove_log(0, ".new");
}

// flush writes the records. What a full disk does not take is lost, and the
// next record begins a new line.
static void flush(void)
{
	u32 done = 0;
	i64 n;

	while (done < batched) {
		n = SYS3(NR_write, journal.fd, batch + done, batched - done);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		done += n;
	}
	journal.size += done;
	if (done)
		journal.torn = batch[done - 1] != '\n';
	for (; done < batched; done++)
		journal.lost += batch[done] == '\n';
	batched = 0;
}

static void entry(const u8 *s, u32 n, u32 stream, const u64 *time)
{
	if (journal.max && journal.size + batched >= journal.max) {
		flush();
		rotate();
	}
	if (batched + ROOM > sizeof batch)
		flush();
	if (journal.torn && !batched)
		put("\n");
	put_record(s, n, stream, time);
}

// close_stream ends the log with its last stream, and so tells who follows it.
static void close_stream(u32 which)
{
	close_fd(streams[which].fd);
	streams[which].fd = -1;
	if (streams[0].fd >= 0 || streams[1].fd >= 0)
		return;
	close_fd(journal.fd);
	close_fd(held[FD_LOGLOCK]);
	journal.fd = held[FD_LOGLOCK] = -1;
}

// log_stream takes what is there of a stream: 0 when nothing is, now.
static u32 log_stream(u32 which)
{
	u64 time[2];
	u8 *data = streams[which].data;
	u32 have, n, i;
	i64 got = SYS3(NR_read, streams[which].fd, data + streams[which].have, sizeof streams[which].data - streams[which].have);

	if (got == -EAGAIN || got == -EINTR)
		return 0;
	if (got <= 0)
		got = 0;
	have = streams[which].have + got;
	SYS3(NR_clock_gettime, CLOCK_REALTIME, time, 0);
	while (have) {
		for (i = 0; i < have && i < LINE && data[i] != '\n'; i++)
			;
		if (i < have && i < LINE)
			n = i + 1;
		else if (have >= LINE)
			n = whole(data, LINE);
		else if (got)
			break;
		else
			n = have; // the end of the stream
		entry(data, n, which, time);
		data += n;
		have -= n;
	}
	memmove(streams[which].data, data, have);
	streams[which].have = have;
	flush();
	if (got)
		return 1;
	close_stream(which);
	return 0;
}

// end_stream logs what is left of a stream that does not end by itself.
static void end_stream(u32 which)
{
	u64 time[2];

	SYS3(NR_clock_gettime, CLOCK_REALTIME, time, 0);
	if (streams[which].have)
		entry(streams[which].data, streams[which].have, which, time);
	flush();
	close_stream(which);
}
