// What travels between the host program and the launcher. The Go side is
// internal/program/encode_linux.go and internal/launch/protocol_linux.go.
//
// A Program comes in one part or two. The first, the prelude, holds what does
// not depend on the program to run, so that a launcher can execute it ahead of
// time and wait for the second. Files for process 1 are attached to the
// header; files for the main process follow the part in messages of 8 bytes,
// and it is the main process that receives them.
#define MAGIC 0x316b6e73u // "snk1"
#define MAX_FILES 250     // in one message; the kernel's limit is 253 (SCM_MAX_FD)
#define MAX_KEPT 3
#define TRIES 50          // of what somebody else keeps from succeeding for a moment
#define SKIPPED (-1L) // a step's result when its errno was ignored: no descriptor

// Where the parts are mapped, so that the pointers in them are ready.
#define BASE 0x40000000UL
#define PART 0x08000000UL

struct header {
	u32 magic;
	u32 size;       // of the part in bytes
	u32 main;       // number of the first step of the main process
	u32 main_files; // messages with files for the main process
	u64 files;      // where the numbers of the attached files go; see CMD_EXEC
};

struct step {
	u32 nr;        // a system call, or an OP_
	u8 slots;      // bit i: argument i is the address of the value
	u8 flags;      // STEP_
	u16 ignore[4]; // errnos that do not end the Program
	u16 reserved;
	u64 out;    // where the result goes; 0: nowhere
	u64 denied; // where an ignored EACCES is noted
	u64 arg[6];
};

#define STEP_FORK 1       // the parent reports the child's pid and exits
#define STEP_RETRY_BUSY 2 // try again while the file is open for writing
#define STEP_WHOLE 4      // a result below argument 2 means that the disk is full

#define OP_SPAWN 0x10000           // arg: clone flags
#define OP_AWAIT 0x10001           // arg: address of a word that another process posts
#define OP_POST 0x10002            // arg: address of the word
#define OP_DEFAULT_SIGNALS 0x10003 // dispositions and mask as after a boot
#define OP_DENIED 0x10004          // arg: address of the note, errno when nothing is noted
#define OP_STAY 0x10005            // process 1's work; does not return; arg: 1 if it goes on without a main process
#define OP_HOST_ALIVE 0x10006      // end here if the host program is gone
#define OP_DROP_BOUNDING 0x10007   // arg: the capabilities to keep, one bit each
#define OP_CUT 0x10008             // the end of the prelude: go on with the second part
#define OP_FILES 0x10009           // the main process takes its files
#define OP_KEEP 0x1000a            // arg: a number, and as many descriptors to keep; all others are closed

struct message {
	u32 kind;
	u32 arg;
	u64 value;
};

// From the launcher.
#define MSG_FAILED 1  // arg: part and step, value: errno
#define MSG_STARTED 2 // arg: pid of the main process inside; with what OP_KEEP kept
#define MSG_EXITED 3  // arg: wait status; a struct rusage follows
#define MSG_FORKED 4  // value: pid of the process that goes on
#define MSG_EXEC_STARTED 5 // arg: pid inside
#define MSG_EXEC_FAILED 6  // as MSG_FAILED
#define MSG_EXEC_EXITED 7  // arg: wait status, value: pid inside, and OTHERS; a struct rusage follows
#define MSG_CLEARED 8      // no process is left but process 1
#define MSG_SOCKET 9       // arg: errno, or 0 and the socket is with it
#define OTHERS (1UL << 32) // processes are left besides process 1

// To the launcher.
#define CMD_SIGNAL 16 // arg: signal, value: pid inside of a process of CMD_EXEC; 0: the main process

// CMD_EXEC makes another process, which executes the part that follows, then
// come messages with its files, as for the main process. The header's files is
// how many these are. The next one may follow when this one is answered.
#define CMD_EXEC 17
#define MAX_EXECS 1024      // at a time
#define MAX_EXEC_FILES 1024 // of one

// CMD_CLEAR kills every process but process 1, and is answered when they are
// gone. It makes sense only where the sandbox goes on without a main process.
#define CMD_CLEAR 18

// CMD_SOCKET makes a socket in the sandbox's network. arg: family, value: type,
// and the protocol in the upper half.
#define CMD_SOCKET 19

#define PART_BITS 24 // a step's number in MSG_FAILED is below 1 << PART_BITS
#define NO_STEP 0xffffffffu
