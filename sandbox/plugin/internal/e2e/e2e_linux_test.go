package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/plugin"
	"github.com/sandkit/sandkit/sandbox/plugin/internal/e2e/wire"
)

// What go-plugin asks for.
var (
	_ runner.Runner         = (*plugin.Runner)(nil)
	_ runner.AttachedRunner = (*plugin.Attached)(nil)
)

// buffer is written to from any goroutine.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// host is a host program.
type host struct {
	client         *goplugin.Client
	runner         *plugin.Runner
	dir            string
	log            buffer
	stdout, stderr buffer
}

// newHost makes one, whose plugin is killed when the test ends.
func newHost(t *testing.T, change func(*goplugin.ClientConfig), program string, opts ...sandbox.Option) *host {
	t.Helper()
	unchanged(t)
	h := &host{}
	config := &goplugin.ClientConfig{
		HandshakeConfig:  wire.Handshake,
		Plugins:          goplugin.PluginSet{wire.Name: &wire.Plugin{}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		Logger:           hclog.New(&hclog.LoggerOptions{Output: &h.log, Level: hclog.Trace}),
		SyncStdout:       &h.stdout,
		SyncStderr:       &h.stderr,
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
			cmd.Path = program
			var err error
			h.runner, err = plugin.New(cmd, dir, opts...)
			h.dir = dir
			return h.runner, err
		},
	}
	if change != nil {
		change(config)
	}
	h.client = goplugin.NewClient(config)
	t.Cleanup(func() {
		h.client.Kill()
		await(t, brokersIdle)
		if _, err := os.Lstat(h.dir); h.dir != "" && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", h.dir, err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", &h.log)
		}
	})
	return h
}

// dial starts the plugin.
func (h *host) dial(t *testing.T) *wire.Client {
	t.Helper()
	return dial(t, h.client)
}

func dial(t *testing.T, c *goplugin.Client) *wire.Client {
	t.Helper()
	protocol, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := protocol.Dispense(wire.Name)
	if err != nil {
		t.Fatal(err)
	}
	return raw.(*wire.Client)
}

func say(t *testing.T, c wire.Talker, format string, args ...any) string {
	t.Helper()
	answer, err := c.Say(t.Context(), fmt.Sprintf(format, args...))
	if err != nil {
		t.Fatalf("say %s: %v", fmt.Sprintf(format, args...), err)
	}
	return answer
}

// TestPluginIsInside: the plugin answers, and what it sees is the sandbox.
func TestPluginIsInside(t *testing.T) {
	t.Setenv("SECRET_OF_THE_HOST", "1")
	h := newHost(t, nil, talker)
	c := h.dial(t)
	var w wire.World
	if err := json.Unmarshal([]byte(say(t, c, "see")), &w); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(h.runner.ID(), w.Hostname) || w.Hostname == "" {
		t.Errorf("host name %q, want the short form of %s", w.Hostname, h.runner.ID())
	}
	if w.PID > 10 || w.UID != 0 {
		t.Errorf("process %d of user %d", w.PID, w.UID)
	}
	if !slices.Equal(w.Interfaces, []string{"lo"}) {
		t.Errorf("network interfaces: %v", w.Interfaces)
	}
	for _, line := range []string{"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(w.Status, line+"\n") {
			t.Errorf("no %q in the status of the process:\n%s", line, w.Status)
		}
	}
	keys := make(map[string]bool)
	for _, kv := range w.Env {
		key, _, _ := strings.Cut(kv, "=")
		keys[key] = true
	}
	if !keys[wire.Handshake.MagicCookieKey] || !keys["PLUGIN_CLIENT_CERT"] || keys["SECRET_OF_THE_HOST"] {
		t.Errorf("environment: %q", w.Env)
	}
	if _, err := c.Say(t.Context(), "read /etc/shadow"); err == nil {
		t.Error("the host's /etc/shadow can be read")
	}
}

// TestUsers: the plugin need not be user 0 inside.
func TestUsers(t *testing.T) {
	if _, _, mapped := ns.SubIDs(); !testutil.IsRoot() && mapped && ns.HaveIDMapTools() {
		t.Skip("an ordinary user with subordinate ids is only user 0 inside")
	}
	h := newHost(t, func(c *goplugin.ClientConfig) {
		if testutil.IsRoot() {
			c.UnixSocketConfig = &goplugin.UnixSocketConfig{Group: "1234"}
		}
	}, talker, sandbox.WithUser("1000:1234"))
	c := h.dial(t)
	var w wire.World
	if err := json.Unmarshal([]byte(say(t, c, "see")), &w); err != nil {
		t.Fatal(err)
	}
	if w.UID != 1000 {
		t.Errorf("user %d", w.UID)
	}
	bothWays(t, c)
}

// bothWays makes a connection to the host and one to the plugin.
func bothWays(t *testing.T, c *wire.Client) {
	t.Helper()
	id := c.Broker.NextId()
	go c.Broker.AcceptAndServe(id, func(opts []grpc.ServerOption) *grpc.Server {
		s := grpc.NewServer(opts...)
		wire.Register(s, wire.TalkerFunc(func(_ context.Context, what string) (string, error) { return "host heard: " + what, nil }))
		return s
	})
	if got := say(t, c, "ask %d", id); got != "host heard: from inside" {
		t.Errorf("the plugin got %q", got)
	}
	offered, err := strconv.ParseUint(say(t, c, "offer"), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := c.Broker.Dial(uint32(offered))
	if err != nil {
		t.Fatal(err)
	}
	if got := say(t, wire.NewClient(conn), "hello"); got != "offered hello" {
		t.Errorf("the host got %q", got)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// TestBroker: connections go both ways, each through a socket of its own, or
// through one.
func TestBroker(t *testing.T) {
	for _, multiplex := range []bool{false, true} {
		t.Run("multiplex "+strconv.FormatBool(multiplex), func(t *testing.T) {
			h := newHost(t, func(c *goplugin.ClientConfig) { c.GRPCBrokerMultiplex = multiplex }, talker)
			c := h.dial(t)
			for range 3 {
				bothWays(t, c)
			}
		})
	}
}

// TestOutput: what the plugin prints reaches the host.
func TestOutput(t *testing.T) {
	h := newHost(t, nil, talker)
	say(t, h.dial(t), "print something")
	await(t, func() bool {
		return strings.Contains(h.stdout.String(), "stdout something\n") && strings.Contains(h.stderr.String(), "stderr something\n")
	})
}

// TestCrashIsNoticed: a plugin that ends is an error of the call, and the client
// knows.
func TestCrashIsNoticed(t *testing.T) {
	h := newHost(t, nil, talker)
	c := h.dial(t)
	if _, err := c.Say(t.Context(), "exit 3"); err == nil {
		t.Error("no error")
	}
	err := h.runner.Wait(t.Context())
	if exit, ok := asExit(err); !ok || exit.ExitCode != 3 {
		t.Errorf("Wait: %v, want exit code 3", err)
	}
	await(t, h.client.Exited)
	if d := h.runner.Diagnose(t.Context()); !strings.Contains(d, "has ended: exit status 3") {
		t.Errorf("Diagnose: %s", d)
	}
}

// TestKill: the client's Kill ends everything.
func TestKill(t *testing.T) {
	h := newHost(t, nil, talker)
	say(t, h.dial(t), "see")
	h.client.Kill()
	if !h.client.Exited() {
		t.Error("it goes on")
	}
	if err := h.runner.Kill(t.Context()); err != nil {
		t.Errorf("kill again: %v", err)
	}
}

// TestReattach: another client of the same host takes the plugin over.
func TestReattach(t *testing.T) {
	h := newHost(t, func(c *goplugin.ClientConfig) { c.AutoMTLS = false }, talker) // the keys are the first client's
	say(t, h.dial(t), "see")
	again := h.client.ReattachConfig()
	again.ReattachFunc = func() (runner.AttachedRunner, error) { return h.runner.Reattach() }
	second := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  wire.Handshake,
		Plugins:          goplugin.PluginSet{wire.Name: &wire.Plugin{}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Logger:           hclog.NewNullLogger(),
		Reattach:         again,
	})
	t.Cleanup(second.Kill)
	say(t, dial(t, second), "see")
	second.Kill()
	await(t, h.client.Exited)
	if _, err := h.runner.Reattach(); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Errorf("reattach to one that has ended: %v", err)
	}
}

// TestNotReady: what is wrong with a plugin can be read in the error.
func TestNotReady(t *testing.T) {
	for _, x := range []struct {
		name    string
		program string
		change  func(*goplugin.ClientConfig)
		opts    []sandbox.Option
		want    []string
	}{
		{name: "other version", program: talker, change: func(c *goplugin.ClientConfig) {
			c.HandshakeConfig.ProtocolVersion = 2
		}, want: []string{"incompatible API version with plugin. Plugin version: 1, Client versions: [2]"}},
		{name: "no plugin", program: "/bin/true", want: []string{"plugin /bin/true in sandbox", `command inside: ["/bin/true"]`, "handshake"}},
		{name: "no such program", program: "/does/not/exist", want: []string{"look at the program", "/does/not/exist: no such file"}},
		{name: "wrong option", program: talker, opts: []sandbox.Option{sandbox.WithMemory(-1)}, want: []string{"invalid spec: WithMemory"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			h := newHost(t, x.change, x.program, x.opts...)
			_, err := h.client.Client()
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range x.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("no %q in: %v", w, err)
				}
			}
			if h.runner == nil { // go-plugin removes the directory only with a runner
				if err := os.Remove(h.dir); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
