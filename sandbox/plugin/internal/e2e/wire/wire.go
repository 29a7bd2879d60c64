// Package wire is what the plugin and its host agree on: a service with one
// call, of one string, which both sides serve.
package wire

import (
	"context"
	"fmt"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Handshake is how both sides recognise each other.
var Handshake = goplugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "SANDKIT_E2E", MagicCookieValue: "talker"}

// Name is what the plugin's one service is called.
const Name = "talker"

const (
	service = "sandkit.e2e.Talker"
	method  = "Say"
)

// A Talker answers strings with strings.
type Talker interface {
	Say(ctx context.Context, what string) (string, error)
}

// TalkerFunc is a function as a Talker.
type TalkerFunc func(ctx context.Context, what string) (string, error)

// Say calls the function.
func (f TalkerFunc) Say(ctx context.Context, what string) (string, error) { return f(ctx, what) }

// Plugin is the service for go-plugin. The plugin sets New, the host does not.
type Plugin struct {
	goplugin.NetRPCUnsupportedPlugin
	New func(*goplugin.GRPCBroker) Talker
}

// GRPCServer serves the plugin's side.
func (p *Plugin) GRPCServer(broker *goplugin.GRPCBroker, s *grpc.Server) error {
	Register(s, p.New(broker))
	return nil
}

// GRPCClient gives the host's side, a *Client.
func (p *Plugin) GRPCClient(_ context.Context, broker *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return &Client{Broker: broker, conn: conn}, nil
}

// A Client is a Talker at the other end of a connection.
type Client struct {
	Broker *goplugin.GRPCBroker
	conn   *grpc.ClientConn
}

// NewClient is for a connection that a broker gave.
func NewClient(conn *grpc.ClientConn) *Client { return &Client{conn: conn} }

// Say asks the other end.
func (c *Client) Say(ctx context.Context, what string) (string, error) {
	var answer wrapperspb.StringValue
	err := c.conn.Invoke(ctx, "/"+service+"/"+method, wrapperspb.String(what), &answer)
	return answer.Value, err
}

// Register serves a Talker.
func Register(s *grpc.Server, t Talker) {
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: service,
		HandlerType: (*Talker)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: method, Handler: say}},
	}, t)
}

func say(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	t, ok := srv.(Talker)
	if !ok {
		return nil, fmt.Errorf("%T is no Talker", srv)
	}
	var what wrapperspb.StringValue
	if err := decode(&what); err != nil {
		return nil, err
	}
	answer, err := t.Say(ctx, what.Value)
	if err != nil {
		return nil, err
	}
	return wrapperspb.String(answer), nil
}
