// What process 1 says.
static struct { struct message m; u8 usage[144]; } said;
static u32 said_len;

static void exec_started(void)
{
	u32 i;

	order.stage = IDLE;
	for (i = 0; i < MAX_EXECS && made[i].pid; i++)
		;
	if (order.owner < 0 || i == MAX_EXECS) {
		forward(CMD_SIGNAL, SIGKILL, said.m.arg); // nobody knows of it
		return;
	}
	made[i].pid = said.m.arg;
	made[i].owner = order.owner;
	tell(order.owner, &said.m, sizeof said.m, 0, 0);
}

static void exec_exited(void)
{
	u32 i;

	for (i = 0; i < MAX_EXECS; i++)
		if (made[i].pid && made[i].pid == (u32)said.m.value) {
			made[i].pid = 0;
			tell(made[i].owner, &said, sizeof said, 0, 0);
			return;
		}
}

// hear_one takes a message of process 1: 0 when it has ended.
static u32 hear_one(void)
{
	u32 want = sizeof said.m, none = 0;
	i64 n;

	if (said_len >= want && (said.m.kind == MSG_EXITED || said.m.kind == MSG_EXEC_EXITED))
		want = sizeof said;
	n = receive(held[FD_CONTROL], (u8 *)&said + said_len, want - said_len, 0, &none, 0, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return 1;
	if (n <= 0) {
		said_len = 0; // it was killed
		return 0;
	}
	said_len += n;
	if (said_len < want || (want == sizeof said.m && (said.m.kind == MSG_EXITED || said.m.kind == MSG_EXEC_EXITED)))
		return 1;
	if (said.m.kind == MSG_EXITED)
		return 0;
	said_len = 0;
	switch (said.m.kind) {
	case MSG_EXEC_STARTED:
		exec_started();
		break;
	case MSG_EXEC_FAILED:
		order.stage = IDLE;
		tell(order.owner, &said.m, sizeof said.m, 0, 0);
		break;
	case MSG_EXEC_EXITED:
		exec_exited();
	}
	return 1;
}
