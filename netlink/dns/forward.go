package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// outside answers what is not known here.
func (s *Server) outside(ctx context.Context, q *query) []byte {
	question := Question{q.name, Type(q.question.Type)}
	if s.config.Policy != nil {
		if err := s.config.Policy(ctx, question); err != nil {
			return s.deny(q, question, err)
		}
	}
	if q.question.Type == dnsmessage.TypeALL && !q.stream {
		// Who wants all there is can have it by TCP: RFC 8482, section 4.4.
		q.header.Truncated = true
		return s.reply(q, dnsmessage.RCodeSuccess, false, nil)
	}
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		s.config.Logger.Debug("too many questions wait for upstreams", "name", q.name, "limit", s.config.MaxConcurrent)
		return s.reply(q, dnsmessage.RCodeServerFailure, false, nil)
	}
	msg := s.forward(ctx, q)
	if msg != nil {
		msg = fit(msg, q.limit)
	}
	addrs, whole := addresses(msg)
	if !whole {
		return s.reply(q, dnsmessage.RCodeServerFailure, false, nil)
	}
	if s.config.Inspect != nil {
		if err := s.config.Inspect(ctx, question, addrs); err != nil {
			return s.deny(q, question, err)
		}
	}
	binary.BigEndian.PutUint16(msg, q.header.ID)
	copy(msg[headerLen:q.end], q.raw[headerLen:q.end]) // with the asker's capital letters
	return msg
}

// deny is the answer to what the policy does not allow.
func (s *Server) deny(q *query, question Question, err error) []byte {
	s.config.Logger.Debug("question denied", "name", question.Name, "type", question.Type, "error", err)
	code := dnsmessage.RCodeRefused
	if s.config.Denial == DenyNoName {
		code = dnsmessage.RCodeNameError
	}
	return s.reply(q, code, false, nil)
}

// addresses are those in the answers of a message, if all of its records are whole.
func addresses(msg []byte) (list []netip.Addr, whole bool) {
	at, ok := skipQuestion(msg)
	if !ok {
		return nil, false
	}
	wanted := count(msg, answers)
	for i := range wanted + count(msg, authorities) + count(msg, additionals) {
		r, ok := readRecord(msg, at)
		if !ok {
			return nil, false
		}
		at = r.end
		if a, ok := netip.AddrFromSlice(msg[r.data:r.end]); ok && i < wanted &&
			(r.kind == dnsmessage.TypeA && a.Is4() || r.kind == dnsmessage.TypeAAAA && a.Is6()) {
			list = append(list, plain(a))
		}
	}
	return list, true
}

// forward asks one upstream after the other. If none gives a good answer, the last
// bad one counts; nil: there is none at all.
func (s *Server) forward(ctx context.Context, q *query) []byte {
	var last []byte
	for _, up := range s.config.Upstreams {
		msg, err := s.ask(ctx, q, up)
		if err != nil {
			s.config.Logger.Debug("ask upstream", "upstream", up, "name", q.name, "error", err)
			continue
		}
		switch code := dnsmessage.RCode(msg[3] & 0xf); {
		case count(msg, questions) == 0, code == dnsmessage.RCodeServerFailure, code == dnsmessage.RCodeRefused:
			s.config.Logger.Debug("ask upstream", "upstream", up, "name", q.name, "answer", code.String())
			if count(msg, questions) != 0 {
				last = msg
			}
		default:
			return msg
		}
	}
	return last
}

// ask sends the question to one upstream, in the way in which it came. Each has its
// own connection, and so a port that the kernel chooses.
func (s *Server) ask(ctx context.Context, q *query, up netip.AddrPort) (msg []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	network := "udp"
	if q.stream {
		network = "tcp"
	}
	conn, err := s.config.Dial(ctx, network, up.String())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // or it has ended
	defer stop()
	var random [2]byte
	_, _ = rand.Read(random[:]) // it never fails
	id := binary.BigEndian.Uint16(random[:])
	if q.stream {
		return exchangeStream(conn, q, id)
	}
	return s.exchangePacket(conn, q, id)
}

// exchangePacket waits for the one packet that is the answer. Others may be of
// whoever would like to give another.
func (s *Server) exchangePacket(conn net.Conn, q *query, id uint16) ([]byte, error) {
	if _, err := conn.Write(q.forUpstream(id)); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	buf := s.buffer()
	defer s.buffers.Put(buf)
	for {
		n, err := conn.Read(*buf)
		if err != nil {
			return nil, fmt.Errorf("receive: %w", err)
		}
		if q.answeredBy((*buf)[:n], id) {
			return append([]byte(nil), (*buf)[:n]...), nil
		}
	}
}

// exchangeStream is the same by TCP, where there is nobody else.
func exchangeStream(conn net.Conn, q *query, id uint16) ([]byte, error) {
	if err := writeMessage(conn, q.forUpstream(id)); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	msg, err := readMessage(conn, maxMessage)
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	if !q.answeredBy(msg, id) {
		return nil, errors.New("receive: the answer is to another question")
	}
	return msg, nil
}

// writeMessage writes a message with its length, at once.
func writeMessage(w io.Writer, msg []byte) error {
	b := make([]byte, 2, 2+len(msg))
	binary.BigEndian.PutUint16(b, uint16(len(msg)))
	_, err := w.Write(append(b, msg...))
	return err
}

// readMessage reads a message, of which the length comes first. [io.EOF]: there is
// none.
func readMessage(r io.Reader, limit int) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(length[:]))
	if n < headerLen || n > limit {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	msg := make([]byte, n)
	if _, err := io.ReadFull(r, msg); err != nil {
		return nil, fmt.Errorf("read message of %d bytes: %w", n, err)
	}
	return msg, nil
}
