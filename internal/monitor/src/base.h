// What the monitor has instead of a C library.
static void __attribute__((noreturn)) quit(int code)
{
	for (;;)
		SYS1(NR_exit_group, code);
}

void *memcpy(void *to, const void *from, u64 n)
{
	u64 i;

	for (i = 0; i < n; i++)
		((u8 *)to)[i] = ((const u8 *)from)[i];
	return to;
}

// memmove is called only with to below from.
void *memmove(void *to, const void *from, u64 n) { return memcpy(to, from, n); }

void *memset(void *to, int c, u64 n)
{
	u64 i;

	for (i = 0; i < n; i++)
		((u8 *)to)[i] = c;
	return to;
}

static void close_fd(i32 fd)
{
	if (fd >= 0)
		SYS1(NR_close, fd);
}

static u64 now_ms(void)
{
	u64 t[2] = {0, 0};

	SYS3(NR_clock_gettime, CLOCK_BOOTTIME, t, 0);
	return t[0] * 1000 + t[1] / 1000000;
}

struct iovec {
	void *base;
	u64 len;
};

struct msghdr {
	void *name;
	u32 namelen, pad;
	struct iovec *iov;
	u64 iovlen;
	void *control;
	u64 controllen;
	u32 flags;
};

struct rights {
	u64 len;
	u32 level, type;
	i32 fds[MAX_FILES + 3];
};

// send_files sends data with descriptors and does not wait.
static i64 send_files(i32 fd, struct iovec *iov, u64 parts, const i32 *fds, u32 n)
{
	struct rights r;
	struct msghdr m = {0, 0, 0, iov, parts, &r, n ? (16 + 4UL * n + 7) & ~7UL : 0, 0};
	u32 i;
	i64 sent;

	r.len = 16 + 4UL * n;
	r.level = SOL_SOCKET;
	r.type = SCM_RIGHTS;
	for (i = 0; i < n; i++)
		r.fds[i] = fds[i];
	do
		sent = SYS3(NR_sendmsg, fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent == -EINTR);
	return sent;
}

// receive takes up to len bytes and does not wait. Descriptors that come along
// are put into fds, of which there are *n, up to max; more are an error.
static i64 receive(i32 fd, void *to, u64 len, i32 *fds, u32 *n, u32 max, u32 flags)
{
	struct rights r;
	struct iovec iov = {to, len};
	struct msghdr m = {0, 0, 0, &iov, 1, &r, sizeof r, 0};
	u64 i, files;
	i64 got;

	do
		got = SYS3(NR_recvmsg, fd, &m, flags | MSG_CMSG_CLOEXEC);
	while (got == -EINTR);
	if (got < 0 || m.controllen < 16)
		return got;
	files = (r.len - 16) / 4;
	for (i = 0; i < files; i++) {
		if (*n < max)
			fds[(*n)++] = r.fds[i];
		else {
			close_fd(r.fds[i]);
			got = -EMFILE;
		}
	}
	return m.flags & MSG_CTRUNC ? -EMFILE : got;
}
