// What travels between the host program and the launcher. The Go side is
// internal/program/encode.go and internal/launch/protocol.go.
#define MAGIC 0x316b6e73u // "snk1"
#define BASE 0x40000000UL // the Program is mapped here, so its pointers are ready
#define MAX_FILES 250     // in one message; the kernel's limit is 253 (SCM_MAX_FD)
#define TXTBSY_TRIES 50
#define SKIPPED (-1L) // a step's result when its errno was ignored: no descriptor

struct header {
	u32 magic;
	u32 size;     // of the Program in bytes
	u32 messages; // further messages of 8 bytes that carry files
	u32 reserved;
};

struct step {
	u32 nr;       // a system call, or an OP_
	u8 slots;     // bit i: argument i is the address of the value
	u8 flags;     // STEP_
	u16 ignore[3]; // errnos that do not end the Program
	u32 reserved;
	u64 out;    // where the result goes; 0: nowhere
	u64 denied; // where an ignored EACCES is noted
	u64 arg[6];
};

#define STEP_FORK 1       // the parent reports the child's pid and exits
#define STEP_RETRY_BUSY 2 // try again while the file is open for writing
#define STEP_WHOLE 4      // a result below argument 2 means that the disk is full

#define OP_SPAWN 0x10000           // arg: clone flags, first step of the main process
#define OP_AWAIT 0x10001           // arg: address of a word that another process posts
#define OP_POST 0x10002            // arg: address of the word
#define OP_DEFAULT_SIGNALS 0x10003 // dispositions and mask as after a boot
#define OP_BLOCK_SIGNALS 0x10004
#define OP_DENIED 0x10005 // arg: address of the note, errno when nothing is noted
#define OP_STAY 0x10006   // process 1's work; does not return
#define OP_HOST_ALIVE 0x10007 // end here if the host program is gone
#define OP_DROP_BOUNDING 0x10008 // arg: the capabilities to keep, one bit each

struct message {
	u32 kind;
	u32 arg;
	u64 value;
};

// From the launcher.
#define MSG_FAILED 1  // arg: step, value: errno
#define MSG_STARTED 2 // arg: pid of the main process inside
#define MSG_EXITED 3  // arg: wait status; a struct rusage follows
#define MSG_FORKED 4  // value: pid of the process that goes on

// To the launcher.
#define CMD_SIGNAL 16 // arg: signal for the main process
