package dns

import (
	"encoding/binary"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// query is a question as it came.
type query struct {
	raw      []byte
	header   dnsmessage.Header
	question dnsmessage.Question
	name     string // in the canonical form
	end      int    // of the question in raw
	stream   bool   // it came by TCP

	edns    bool
	version uint8
	dnssec  bool // the asker wants signatures
	size    int  // place of the longest packet that the asker takes
	limit   int  // the same as a number, within our own limits
}

// rcodeBadVersion is a code that the library has no name for: RFC 6891, section 9.
const rcodeBadVersion = dnsmessage.RCode(16)

// parse reads a packet. It is nobody's question if ok is false: then there is no
// answer to it. Otherwise the code is how to answer if not with success.
func parse(raw []byte, stream bool) (q *query, code dnsmessage.RCode, ok bool) {
	if len(raw) < headerLen || raw[2]&flagResponse != 0 {
		return nil, 0, false
	}
	q = &query{raw: raw, stream: stream, end: headerLen, limit: minPacket}
	var p dnsmessage.Parser
	header, err := p.Start(raw)
	if err != nil {
		return nil, 0, false
	}
	q.header = header
	if stream {
		q.limit = maxMessage
	}
	switch {
	case header.OpCode != 0:
		return q, dnsmessage.RCodeNotImplemented, true
	case count(raw, questions) != 1 || len(raw) > maxPacket || header.Truncated:
		q.header.Truncated = false
		return q, dnsmessage.RCodeFormatError, true
	}
	question, err := p.Question()
	end, whole := skipQuestion(raw)
	// There is nothing before the question that its name could refer to.
	if err != nil || !whole || end != headerLen+wireLen(question.Name)+4 {
		return q, dnsmessage.RCodeFormatError, true
	}
	q.question, q.end = question, end
	q.name = strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))
	if !q.parseRecords() {
		return q, dnsmessage.RCodeFormatError, true
	}
	return q, q.check(), true
}

// wireLen is the length of a name in a message, in full.
func wireLen(n dnsmessage.Name) int {
	if n.Length == 1 {
		return 1 // the root's
	}
	return int(n.Length) + 1
}

// parseRecords looks at what follows the question.
func (q *query) parseRecords() bool {
	at := q.end
	for i := range count(q.raw, answers) + count(q.raw, authorities) + count(q.raw, additionals) {
		r, ok := readRecord(q.raw, at)
		if !ok {
			return false
		}
		at = r.end
		if r.kind != dnsmessage.TypeOPT {
			continue
		}
		if q.edns || !r.root || i < count(q.raw, answers)+count(q.raw, authorities) {
			return false
		}
		q.edns, q.version, q.dnssec = true, uint8(r.ttl>>16), r.ttl&(1<<15) != 0
		q.size = r.start + 3
		if !q.stream {
			q.limit = min(max(int(r.class), minPacket), maxPacket)
		}
	}
	return at == len(q.raw)
}

// check tells whether it is a question to answer at all.
func (q *query) check() dnsmessage.RCode {
	switch kind := q.question.Type; {
	case q.version != 0:
		return rcodeBadVersion
	case q.question.Class != dnsmessage.ClassINET:
		return dnsmessage.RCodeRefused
	case kind == dnsmessage.TypeOPT || kind >= 249 && kind < dnsmessage.TypeALL:
		return dnsmessage.RCodeNotImplemented // copies of zones, for example
	}
	return dnsmessage.RCodeSuccess
}

// forUpstream is the packet with another id and with the limit that holds for the
// answer.
func (q *query) forUpstream(id uint16) []byte {
	raw := append([]byte(nil), q.raw...)
	binary.BigEndian.PutUint16(raw, id)
	if q.edns && !q.stream {
		binary.BigEndian.PutUint16(raw[q.size:], uint16(q.limit))
	}
	return raw
}

// answeredBy tells whether a message answers the packet that was sent. Servers that
// fail may leave out the question.
func (q *query) answeredBy(msg []byte, id uint16) bool {
	if len(msg) < headerLen || binary.BigEndian.Uint16(msg) != id || msg[2]&flagResponse == 0 || msg[2]&0x78 != 0 {
		return false
	}
	switch count(msg, questions) {
	case 0:
		return failed(msg) && len(msg) == headerLen
	case 1:
		return len(msg) >= q.end && sameQuestion(msg[headerLen:q.end], q.raw[headerLen:q.end])
	}
	return false
}

// failed tells whether an answer says that the server could not or would not.
func failed(msg []byte) bool {
	switch dnsmessage.RCode(msg[3] & 0xf) {
	case dnsmessage.RCodeServerFailure, dnsmessage.RCodeRefused, dnsmessage.RCodeFormatError, dnsmessage.RCodeNotImplemented:
		return true
	}
	return false
}

// sameQuestion compares questions, whatever the case of letters. (The length of a
// label is no letter.)
func sameQuestion(a, b []byte) bool {
	name := len(b) - 4
	for i := range b {
		x, y := a[i], b[i]
		if i < name {
			x, y = lower(x), lower(y)
		}
		if x != y {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
