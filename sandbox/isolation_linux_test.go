package sandbox_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox"
)

func hostNamespaces(t *testing.T) map[string]string {
	t.Helper()
	m := make(map[string]string)
	for _, k := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		link, err := os.Readlink("/proc/self/ns/" + k)
		if err != nil {
			t.Fatal(err)
		}
		m[k] = link
	}
	return m
}

func TestNamespaces(t *testing.T) {
	testutil.Unchanged(t)
	host := hostNamespaces(t)
	cases := map[string]struct {
		opts []sandbox.Option
		same string // kinds that are the host's
	}{
		"default":     {nil, "time"},
		"time":        {options(sandbox.WithNamespaces(ns.Set{Clocks: &ns.Clocks{Boottime: time.Hour}})), ""},
		"network":     {options(sandbox.WithNamespaces(ns.Set{Net: ns.OfHost()})), "time net"},
		"all of host": {options(sandbox.WithNamespaces(ns.Set{Net: ns.OfHost(), IPC: ns.OfHost(), UTS: ns.OfHost(), Cgroup: ns.OfHost()})), "time net ipc uts cgroup"},
	}
	if testutil.IsRoot() {
		cases["host users"] = struct {
			opts []sandbox.Option
			same string
		}{options(sandbox.WithHostUsers()), "time user"}
	}
	for name, c := range cases {
		for link := range strings.SplitSeq(probe1(t, c.opts, "ns").Out, "\n") {
			kind, _, _ := strings.Cut(link, ":")
			if same := host[kind] == link; same != strings.Contains(c.same, kind) {
				t.Errorf("%s: %s is %s, the host's is %s", name, kind, link, host[kind])
			}
		}
	}
}

func TestJoinNamespace(t *testing.T) {
	testutil.Unchanged(t)
	first, _ := started(t, sandbox.WithCommand("sleep", "1000"), sandbox.WithHostname("first"))
	pid := childOf(t)
	want, err := os.Readlink("/proc/" + pid + "/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("/proc/" + pid + "/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, n := range map[string]ns.Namespace{
		"pid": ns.OfPID(number), "path": ns.OfPath("/proc/" + pid + "/ns/net"), "fd": ns.OfFD(file.Fd()),
	} {
		links := probe1(t, options(sandbox.WithNamespaces(ns.Set{Net: n})), "ns").Out
		if !strings.Contains(links, want) {
			t.Errorf("by %s: joined\n%s\nwant %s", name, links, want)
		}
	}
	out := probe(t, options(sandbox.WithNamespaces(ns.Set{UTS: ns.OfPID(number), IPC: ns.OfPID(number)})), "hostname")
	gives(t, out[0], "first")
	if err := first.Kill(); err != nil {
		t.Error(err)
	}
	_, _, err = tryProbe(t, options(sandbox.WithNamespaces(ns.Set{Net: ns.OfPath("/proc/self/ns/uts")})), "ns")
	if err == nil || !strings.Contains(err.Error(), "another kind") {
		t.Errorf("a UTS namespace as network: %v", err)
	}
	_, _, err = tryProbe(t, options(sandbox.WithNamespaces(ns.Set{Net: ns.OfPath("/etc/passwd")})), "ns")
	if !errors.Is(err, os.ErrInvalid) {
		t.Errorf("a file as network namespace: %v", err)
	}
}

// childOf gives the pid, outside, of the program of the only sandbox.
func childOf(t *testing.T) string {
	t.Helper()
	for init := range strings.FieldsSeq(childrenOf("self")) {
		comm, err := os.ReadFile("/proc/" + init + "/comm")
		if main := childrenOf(init); err == nil && string(comm) == "sandkit-init\n" && main != "" {
			return main
		}
	}
	t.Fatal("no sandbox is running")
	return ""
}

// childrenOf lists the children of all threads of a process.
func childrenOf(pid string) string {
	found, err := filepath.Glob("/proc/" + pid + "/task/*/children")
	if err != nil {
		return ""
	}
	var all []string
	for _, f := range found {
		if b, err := os.ReadFile(f); err == nil {
			all = append(all, strings.Fields(string(b))...)
		}
	}
	return strings.Join(all, " ")
}

func TestClocks(t *testing.T) {
	testutil.Unchanged(t)
	const boottime, monotonic = 7, 1
	out := probe(t, options(sandbox.WithNamespaces(ns.Set{Clocks: &ns.Clocks{Boottime: 1000 * time.Hour, Monotonic: -time.Second / 2}})),
		"clock|"+itoa(boottime), "clock|"+itoa(monotonic))
	if s, err := strconv.Atoi(out[0].Out); err != nil || s < 3600000 {
		t.Errorf("CLOCK_BOOTTIME is %s (%s)", out[0].Out, out[0].Errno)
	}
	works(t, out[1])
}

func TestNetworkIsLoopbackOnly(t *testing.T) {
	testutil.Unchanged(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	abstract, err := net.Listen("unix", "@sandkit-test-"+itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer abstract.Close()
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane), "links", "dial|tcp|"+l.Addr().String(), "listen|tcp|127.0.0.1:0", "listen|tcp|[::1]:0",
			"dial|unix|"+abstract.Addr().String(), "dial|udp|192.0.2.1:9", "ls|/sys/class/net")
		gives(t, out[0], "lo true")
		denied(t, out[1], "connection refused")
		works(t, out[2])
		works(t, out[3])
		denied(t, out[4], "connection refused")
		denied(t, out[5], "network is unreachable")
		gives(t, out[6], "lo")
	})
}

func TestProcessesAreAlone(t *testing.T) {
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane), "pid", "ls|/proc", "kill|"+itoa(os.Getpid())+"|0", "kill|-1|0")
		gives(t, out[0], "pid=2 ppid=1 sid=2")
		for name := range strings.SplitSeq(out[1].Out, "\n") {
			if n, err := strconv.Atoi(name); err == nil && n > 2 {
				t.Errorf("process %d is visible", n)
			}
		}
		denied(t, out[2], esrch)
	})
}

// TestProcessOneIsClosed: nobody inside can look into process 1, trace it, end
// it, or find something of the host program through it.
func TestProcessOneIsClosed(t *testing.T) {
	t.Setenv("SANDKIT_CANARY", "secret of the host program")
	testutil.Unchanged(t)
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		out := probe(t, options(lane), "readlink|/proc/1/root", "readlink|/proc/1/cwd", "readlink|/proc/1/exe", "read|/proc/1/environ",
			"read|/proc/1/maps", "trunc|/proc/1/exe", "read|/proc/1/mem", "readlink|/proc/1/fd/0", "ptrace|1", "kill|1|9", "kill|1|19",
			"env", "read|/proc/1/comm", "trunc|/proc/self/exe", "pid")
		for _, o := range out[:9] {
			denied(t, o, eacces, eperm)
		}
		// SIGKILL and SIGSTOP from inside do nothing to process 1.
		for _, o := range out[9:11] {
			if !isOneOf(o.Errno, "", eperm) {
				t.Errorf("%s: %s", o.Op, o.Errno)
			}
		}
		if strings.Contains(out[11].Out, "CANARY") {
			t.Errorf("environment inside:\n%s", out[11].Out)
		}
		gives(t, out[12], "sandkit-init\n")
		denied(t, out[13], "text file busy", erofs, eacces)
		works(t, out[14])
	})
}

// TestRuntimeIsOutOfReach is CVE-2019-5736: the program is a script whose
// interpreter is "itself", which would be the runtime.
func TestRuntimeIsOutOfReach(t *testing.T) {
	testutil.Unchanged(t)
	root := testutil.Root(t, "file bin/evil #!/proc/self/exe\n")
	if err := os.Chmod(root+"/bin/evil", 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := sandbox.Run(testContext(t), sandbox.WithRootfs(root), sandbox.WithCommand("/bin/evil"))
	if err == nil {
		t.Error("the script ran")
	}
}

func TestHostname(t *testing.T) {
	testutil.Unchanged(t)
	gives(t, probe1(t, options(sandbox.WithHostname("web-1.example")), "hostname"), "web-1.example")
	out := probe(t, nil, "hostname", "env", "read|/proc/sys/kernel/domainname")
	if len(out[0].Out) != 12 || !strings.Contains(out[1].Out, "HOSTNAME="+out[0].Out) {
		t.Errorf("host name %q, environment:\n%s", out[0].Out, out[1].Out)
	}
	gives(t, out[2], "\n")
}

func TestIPCIsPrivate(t *testing.T) {
	if testutil.InVM() {
		t.Skip("the virtual machine has no ipcmk; the native lanes run this")
	}
	testutil.Unchanged(t)
	s, r := started(t, sh("ipcmk -Q >/dev/null; touch /dev/shm/here; echo ready; sleep 1000"))
	awaitLine(t, r, "ready")
	out, err := sandbox.Output(testContext(t), sh("ls /dev/shm; ipcs -q | grep -c 0x"))
	if string(out) != "0\n" {
		t.Errorf("queues and shared memory of another sandbox: %q, %v", out, err)
	}
	if err := s.Kill(); err != nil {
		t.Error(err)
	}
}

func TestSignalDispositionsAreReset(t *testing.T) {
	testutil.Unchanged(t)
	// What a shell script with "trap ” HUP" starts ignores SIGHUP, and so would
	// everything below it.
	ignore(t, syscall.SIGHUP)
	out, err := sandbox.Output(testContext(t), sandbox.WithCommand("grep", "Sig[BI]", "/proc/self/status"))
	if err != nil || strings.Count(string(out), "0000000000000000") != 2 {
		t.Errorf("%s%v", out, err)
	}
}
