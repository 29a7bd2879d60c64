// Further processes of the sandbox, which process 1 makes while it stays.

// arrange gives the new process its files as descriptors 0, 1, 2 ..., and leaves
// it nothing else but the pipe. They have landed on the lowest free numbers, in
// this order, so none is overwritten before it has moved.
static void arrange(void)
{
	u32 i;

	for (i = 0; i < making.count; i++)
		SYS3(NR_dup3, making.files[i], i, 0);
	if (making.count < making.pipe[1])
		SYS3(NR_close_range, making.count, making.pipe[1] - 1, 0);
	SYS3(NR_close_range, making.pipe[1] + 1, ~0u, 0);
}

// place_of gives the place of a process in made; that of 0 is one that is free.
static u32 *place_of(u32 pid)
{
	u32 i;

	for (i = 0; i < MAX_EXECS; i++)
		if (made[i] == pid)
			return &made[i];
	return 0;
}

// refuse answers that the process cannot be made.
static void refuse(u32 step, u32 errno)
{
	SYS3(NR_munmap, BASE, PART, 0);
	report(MSG_EXEC_FAILED, step, errno);
}

// receive_exec_files takes the files of the process to make: 0, or a negative
// errno.
static i64 receive_exec_files(void)
{
	u64 *next = making.files, unused;
	u32 n = parts[0].h.main_files;

	if (n > MAX_EXEC_FILES / MAX_FILES) {
		report(MSG_FAILED, NO_STEP, EPROTO);
		quit(EXIT_BAD_PROGRAM);
	}
	while (n--)
		receive_files(&unused, sizeof unused, &next);
	making.count = next - making.files;
	return making.count == parts[0].h.files ? 0 : -EMFILE;
}

// make makes another process, which executes its part of a Program. It shares
// this memory until then, so that nobody in the sandbox can look into it.
static void make(void)
{
	struct step *s = receive_part(0);
	i64 r = receive_exec_files();
	u32 i;

	if (r == 0)
		r = place_of(0) ? SYS3(NR_pipe2, making.pipe, CLOEXEC, 0) : -EAGAIN;
	if (r == 0) {
		making.on = 1;
		failed_errno = 0;
		r = clone_onto(CLONE_VM | SIGCHLD, second_stack + sizeof second_stack, 0, s);
		SYS1(NR_close, making.pipe[1]);
		if (r < 0) {
			making.on = 0;
			SYS1(NR_close, making.pipe[0]);
		}
	}
	for (i = 0; i < making.count; i++)
		SYS1(NR_close, making.files[i]);
	making.pid = r;
	if (r < 0)
		refuse(NO_STEP, -r);
}

// settle answers when the new process has executed or is gone.
static void settle(void)
{
	making.on = 0;
	SYS1(NR_close, making.pipe[0]);
	if (failed_errno) {
		refuse(failed_step, failed_errno);
		return;
	}
	SYS3(NR_munmap, BASE, PART, 0);
	*place_of(0) = making.pid;
	report(MSG_EXEC_STARTED, making.pid, 0);
}
