// What travels between a program and the monitor, beside what wire.h has. The Go
// side is internal/monitor/wire_linux.go.
//
// The first message is the hand-over, on descriptor 3: this struct, then the
// pids inside of the processes that the program has made with CMD_EXEC, the
// log's name, what of the last line of each stream is pending, and the
// directories to remove. The descriptors come with its first byte, in the order
// of the HAS_ bits, then those that need only be held.
#define HANDOVER_MAGIC 0x6d6b6e73u // "snkm"
#define LINE 16384                 // as sandbox/logs: a longer line is cut
#define MAX_NAME 240
#define MAX_DIRS 8192

struct handover {
	u32 magic, has;
	u32 pid, main_pid; // of process 1 outside, of the main process inside
	u32 children, name_len, pending[2], dirs_len, log_files;
	u64 log_size;      // of one file; 0: no limit
	u64 kill_after_ms; // 0: never
	u32 log_mode, reserved;
	u8 id[64];    // of the sandbox
	u8 token[16]; // what the end is marked with
};

enum {
	FD_CONTROL, // process 1
	FD_PIDFD,
	FD_LOCK,    // of the record
	FD_BOX,     // the sandbox's directory in the store
	FD_RECORDS, // the directory with its record
	FD_END,     // a file in FD_BOX that has room for the end: end.new
	FD_LISTEN,  // listening socket
	FD_ALWAYS,
	FD_OUT = FD_ALWAYS, // what the program prints; from here on they may be missing
	FD_ERR,
	FD_LOGDIR,
	FD_LOGLOCK,
	FD_EVENTS, // memory.events or memory.oom_control
	FD_ROOT,
	FD_CHANGES,
	FD_SLOTS
};

// To the monitor, beside CMD_SIGNAL and CMD_EXEC.
#define CMD_KILL 32    // end the sandbox at once
#define CMD_STOP 33    // arg: signal, value: milliseconds until everything is killed
#define CMD_ADOPT 34   // give everything back; answered by MSG_ADOPTED
#define CMD_ADOPTED 35 // it has arrived: the monitor ends; the first message: it begins

// From the monitor, beside MSG_EXEC_ and, when all is done, MSG_EXITED.
#define MSG_HELLO 40   // arg: pid, value: main pid; with FD_PIDFD, FD_ROOT and FD_CHANGES, value bits 32 and 33: which
#define MSG_READY 41   // the hand-over is complete; answered by CMD_ADOPTED
#define MSG_ADOPTED 42 // arg: HAS_ bits, value: pending of each stream; these follow, with the descriptors
