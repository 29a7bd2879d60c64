package main

import (
	"time"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/sandbox"
)

var stops = []stop{
	{
		title:   "A shell script looks around: who it is, its files, processes and network",
		options: script(look),
	},
	{
		title:   "It tries what it should not be able to do",
		options: script(misbehave),
	},
	{
		title:   "python3 does some work",
		needs:   "command -v python3",
		lacks:   "python3",
		options: sandbox.WithCommand("python3", "-c", work),
	},
	{
		title: "gcc compiles a file that exists only in the sandbox, and the result runs",
		needs: "command -v gcc && test -e /usr/include/stdio.h",
		lacks: "gcc with the C library's headers",
		options: sandbox.Options(
			sandbox.WithMount(fs.File("/src/hello.c", 0o644, []byte(hello))),
			sandbox.WithDir("/tmp"),
			script("gcc -O1 -o hello /src/hello.c && ls -l hello && ./hello"),
		),
	},
	{
		title: "A program that does not end is ended, with all of its children",
		options: sandbox.Options(
			sandbox.WithTimeout(200*time.Millisecond),
			script("echo waiting; sleep 1000 & sleep 1000"),
		),
		want: sandbox.ErrTimeout,
	},
}

func script(text string) sandbox.Option { return sandbox.WithCommand("sh", "-c", text) }

const look = `
id
echo "host name: $(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
echo "files:     $(echo /*)"
echo "in /root:  $(ls -A /root | wc -l) files"
for p in /proc/[0-9]*; do
	read -r name < "$p/comm" 2>/dev/null && echo "process:   ${p#/proc/} $name"
done
for i in /sys/class/net/*; do echo "network:   ${i##*/}"; done
`

// Each line says what came of one attempt; one that works fails the tour.
const misbehave = `
worked=0
try() {
	what=$1; shift
	command -v "$1" >/dev/null || return 0
	if error=$( { "$@"; } 2>&1 ); then
		echo "$what: DONE"; worked=1
	else
		error=$(echo "$error" | head -n 1)
		echo "$what: refused (${error##*: })"
	fi
}
try "read the password hashes"  cat /etc/shadow
try "change a program"          sh -c 'echo > /usr/bin/id'
try "mount a file system"       mount -t tmpfs none /mnt
try "make a device"             mknod /tmp/disk b 254 0
try "change a kernel setting"   sh -c 'echo x > /proc/sys/kernel/hostname'
try "make a user namespace"     unshare --user true
exit $worked
`

const work = `
import hashlib, os, platform
print("python", platform.python_version(), "as user", os.getuid(), "process", os.getpid())
print("sha256 of 32 MiB:", hashlib.sha256(bytes(32 << 20)).hexdigest()[:16])
`

const hello = `#include <stdio.h>
#include <unistd.h>

int main(void)
{
	printf("hello from C, process %d of user %d\n", (int)getpid(), (int)getuid());
	return 0;
}
`
