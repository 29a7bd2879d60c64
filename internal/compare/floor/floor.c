// floor measures the least that the kernel needs to run one program in the
// namespaces and with the mounts of a sandbox: one process, made with shared
// memory, that executes once; no capabilities dropped, no filter, nothing masked.
//
// floor ROOT SCRATCH PROGRAM: for each byte on standard input it runs PROGRAM
// once, in an overlay over ROOT, and prints the nanoseconds that it took.
// SCRATCH is an empty directory.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(call) do { if ((call) < 0) { dprintf(2, "floor: %s: %s\n", #call, strerror(errno)); _exit(99); } } while (0)

static const char *root, *scratch, *program;
static int released[2];
static char stack[65536] __attribute__((aligned(16)));

static void device(const char *name)
{
	char from[64], to[64];
	int fd;

	snprintf(from, sizeof from, "/dev/%s", name);
	snprintf(to, sizeof to, "root/dev/%s", name);
	CHECK(fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
	close(fd);
	CHECK(mount(from, to, 0, MS_BIND, 0));
}

static int child(void *unused)
{
	const char *devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
	char *argv[] = {(char *)program, 0}, *env[] = {0}, options[4200], c;
	unsigned i;

	(void)unused;
	CHECK(read(released[0], &c, 1));
	CHECK(setresgid(0, 0, 0));
	CHECK(setresuid(0, 0, 0));
	CHECK(mount(0, "/", 0, MS_REC | MS_PRIVATE, 0));
	CHECK(mount("none", scratch, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"));
	CHECK(chdir(scratch));
	CHECK(mkdir("upper", 0755));
	CHECK(mkdir("work", 0755));
	CHECK(mkdir("root", 0755));
	snprintf(options, sizeof options, "userxattr,lowerdir=%s,upperdir=upper,workdir=work", root);
	CHECK(mount("none", "root", "overlay", MS_NOSUID | MS_NODEV, options));
	CHECK(mount("none", "root/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
	CHECK(mount("none", "root/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, 0));
	CHECK(mount("none", "root/dev", "tmpfs", MS_NOSUID, "mode=755,size=64k"));
	for (i = 0; i < sizeof devices / sizeof *devices; i++)
		device(devices[i]);
	CHECK(mkdir("root/dev/pts", 0755));
	CHECK(mkdir("root/dev/shm", 0755));
	CHECK(mkdir("root/dev/mqueue", 0755));
	CHECK(mount("none", "root/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"));
	CHECK(mount("none", "root/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m"));
	CHECK(mount("none", "root/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
	CHECK(chdir("root"));
	CHECK(syscall(SYS_pivot_root, ".", "."));
	CHECK(umount2(".", MNT_DETACH));
	CHECK(chdir("/"));
	CHECK(execve(program, argv, env));
	return 0;
}

static void map(int pid, const char *file)
{
	const char *content = "0 1879048192 65536\n";
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	CHECK(fd = open(path, O_WRONLY | O_CLOEXEC));
	CHECK(write(fd, content, strlen(content)));
	close(fd);
}

int main(int argc, char **argv)
{
	const int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	char c;

	if (argc != 4)
		return 2;
	root = argv[1], scratch = argv[2], program = argv[3];
	while (read(0, &c, 1) == 1) {
		struct timespec a, b;
		int pid, status;

		clock_gettime(CLOCK_MONOTONIC, &a);
		CHECK(pipe2(released, O_CLOEXEC));
		CHECK(pid = clone(child, stack + sizeof stack, CLONE_VM | SIGCHLD | flags, 0));
		map(pid, "uid_map");
		map(pid, "gid_map");
		CHECK(write(released[1], "x", 1));
		CHECK(waitpid(pid, &status, 0));
		clock_gettime(CLOCK_MONOTONIC, &b);
		close(released[0]);
		close(released[1]);
		if (status)
			return 1;
		printf("%lld\n", (b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec);
		fflush(stdout);
	}
	return 0;
}
