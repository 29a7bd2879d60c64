// Talker is a plugin that tells what it sees, and does what it is told.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/sandkit/sandkit/sandbox/plugin/internal/e2e/wire"
)

func main() {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: wire.Handshake,
		GRPCServer:      goplugin.DefaultGRPCServer,
		Plugins: goplugin.PluginSet{wire.Name: &wire.Plugin{New: func(b *goplugin.GRPCBroker) wire.Talker {
			return &talker{b}
		}}},
	})
}

type talker struct{ broker *goplugin.GRPCBroker }

// Say does what the first word says.
func (t *talker) Say(ctx context.Context, what string) (string, error) {
	verb, arg, _ := strings.Cut(what, " ")
	switch verb {
	case "see":
		return see()
	case "read":
		b, err := os.ReadFile(arg)
		return string(b), err
	case "print":
		_, err := fmt.Fprintln(os.Stdout, "stdout "+arg)
		_, more := fmt.Fprintln(os.Stderr, "stderr "+arg)
		return "", errors.Join(err, more)
	case "exit":
		code, err := strconv.Atoi(arg)
		if err != nil {
			return "", err
		}
		os.Exit(code)
	case "ask": // the host, over a connection that the host offers
		return t.ask(ctx, arg)
	case "offer": // a connection to the host
		id := t.broker.NextId()
		go t.broker.AcceptAndServe(id, func(opts []grpc.ServerOption) *grpc.Server {
			s := grpc.NewServer(opts...)
			wire.Register(s, wire.TalkerFunc(func(_ context.Context, what string) (string, error) { return "offered " + what, nil }))
			return s
		})
		return strconv.FormatUint(uint64(id), 10), nil
	}
	return "", fmt.Errorf("talker does not know %q", verb)
}

func (t *talker) ask(ctx context.Context, arg string) (string, error) {
	id, err := strconv.ParseUint(arg, 10, 32)
	if err != nil {
		return "", err
	}
	conn, err := t.broker.Dial(uint32(id))
	if err != nil {
		return "", err
	}
	answer, err := wire.NewClient(conn).Say(ctx, "from inside")
	return answer, errors.Join(err, conn.Close())
}

// see is the world around as JSON.
func see() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "", err
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return "", err
	}
	w := wire.World{Hostname: host, PID: os.Getpid(), UID: os.Getuid(), Env: os.Environ(), Status: string(status)}
	for _, i := range interfaces {
		w.Interfaces = append(w.Interfaces, i.Name)
	}
	b, err := json.Marshal(w)
	return string(b), err
}
