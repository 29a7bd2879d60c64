package dns

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// answer gives the answer to a packet; nil: there is none to give.
func (s *Server) answer(ctx context.Context, raw []byte, stream bool) []byte {
	q, code, ok := parse(raw, stream)
	if !ok {
		return nil
	}
	if code != dnsmessage.RCodeSuccess {
		return s.reply(q, code, false, nil)
	}
	if bodies, known := s.lookup(q); known {
		return s.reply(q, dnsmessage.RCodeSuccess, true, bodies)
	}
	return s.outside(ctx, q)
}

// lookup gives the records of a known name.
func (s *Server) lookup(q *query) (bodies []dnsmessage.ResourceBody, known bool) {
	if addr, ok := reverseAddr(q.name); ok {
		names, known := s.config.Names.Reverse(addr)
		if q.asks(dnsmessage.TypePTR) {
			bodies = pointers(names)
		}
		return bodies, known
	}
	addrs, known := s.lookupName(q.name)
	for _, a := range addrs {
		switch a = plain(a); {
		case a.Is4() && q.asks(dnsmessage.TypeA):
			bodies = append(bodies, &dnsmessage.AResource{A: a.As4()})
		case a.Is6() && q.asks(dnsmessage.TypeAAAA):
			bodies = append(bodies, &dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	return bodies, known
}

// lookupName looks for the name as it is, and without the domains that resolvers add.
func (s *Server) lookupName(name string) ([]netip.Addr, bool) {
	if name == "" {
		return nil, false // the root
	}
	addrs, known := s.config.Names.Lookup(name)
	for _, d := range s.config.Search {
		if known {
			break
		}
		if short, ok := strings.CutSuffix(name, "."+d); ok {
			addrs, known = s.config.Names.Lookup(short)
		}
	}
	return addrs, known
}

// asks tells whether records of a kind are wanted.
func (q *query) asks(kind dnsmessage.Type) bool {
	return q.question.Type == kind || q.question.Type == dnsmessage.TypeALL
}

func pointers(names []string) []dnsmessage.ResourceBody {
	var bodies []dnsmessage.ResourceBody
	for _, n := range names {
		full, err := dnsmessage.NewName(strings.TrimSuffix(n, ".") + ".")
		if err == nil && checkName(canonical(n)) == nil {
			bodies = append(bodies, &dnsmessage.PTRResource{PTR: full})
		}
	}
	return bodies
}

// reply is an answer of our own, as long as it may be.
func (s *Server) reply(q *query, code dnsmessage.RCode, known bool, bodies []dnsmessage.ResourceBody) []byte {
	msg := dnsmessage.Message{Header: dnsmessage.Header{
		ID: q.header.ID, Response: true, OpCode: q.header.OpCode, Authoritative: known, Truncated: q.header.Truncated,
		RecursionDesired: q.header.RecursionDesired, RecursionAvailable: true,
		CheckingDisabled: q.header.CheckingDisabled, RCode: code & 0xf,
	}}
	if q.end > headerLen {
		msg.Questions = []dnsmessage.Question{q.question}
	}
	for _, b := range bodies {
		msg.Answers = append(msg.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.question.Name, Class: dnsmessage.ClassINET, TTL: uint32(s.config.TTL / time.Second)},
			Body:   b,
		})
	}
	if q.edns {
		var h dnsmessage.ResourceHeader
		if err := h.SetEDNS0(maxPacket, code, q.dnssec); err != nil {
			return nil // it has no way to fail
		}
		msg.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{}}}
	}
	packed, err := msg.Pack()
	if err != nil {
		s.config.Logger.Debug("write answer", "name", q.name, "error", err)
		return nil
	}
	return fit(packed, q.limit)
}
