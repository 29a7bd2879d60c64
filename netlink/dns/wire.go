package dns

import (
	"encoding/binary"

	"golang.org/x/net/dns/dnsmessage"
)

// The library reads and writes what is in messages, but does not tell where in the
// packet it is. That is needed to pass messages on as they are, or shortened.

const (
	headerLen = 12
	// minPacket is what each resolver takes, and the limit for those that say nothing.
	minPacket = 512
	// maxPacket is the longest packet that is read or written, as with many servers.
	maxPacket  = 4096
	maxMessage = 1<<16 - 1 // by TCP
)

// record is where in a message a record is.
type record struct {
	start, data, end int
	kind             dnsmessage.Type
	class            uint16
	ttl              uint32
	root             bool // its name is the root's
}

// skipName gives the place after a name.
func skipName(msg []byte, at int) (int, bool) {
	for at < len(msg) {
		switch n := int(msg[at]); {
		case n == 0:
			return at + 1, true
		case n&0xc0 == 0xc0: // the rest is elsewhere
			return at + 2, at+2 <= len(msg)
		case n&0xc0 != 0:
			return 0, false
		default:
			at += 1 + n
		}
	}
	return 0, false
}

// skipQuestion gives the place after the question of a message that has one.
func skipQuestion(msg []byte) (int, bool) {
	at, ok := skipName(msg, headerLen)
	return at + 4, ok && at+4 <= len(msg)
}

// readRecord reads the frame of the record at a place.
func readRecord(msg []byte, at int) (record, bool) {
	name, ok := skipName(msg, at)
	if !ok || name+10 > len(msg) {
		return record{}, false
	}
	r := record{
		start: at,
		kind:  dnsmessage.Type(binary.BigEndian.Uint16(msg[name:])),
		class: binary.BigEndian.Uint16(msg[name+2:]),
		ttl:   binary.BigEndian.Uint32(msg[name+4:]),
		data:  name + 10,
		end:   name + 10 + int(binary.BigEndian.Uint16(msg[name+8:])),
		root:  msg[at] == 0,
	}
	return r, r.end <= len(msg)
}

// Places in a header.
const (
	questions   = 4
	answers     = 6
	authorities = 8
	additionals = 10
)

func count(msg []byte, section int) int { return int(binary.BigEndian.Uint16(msg[section:])) }

func setCount(msg []byte, section, n int) { binary.BigEndian.PutUint16(msg[section:], uint16(n)) }

const (
	flagTruncated = 0x02 // in the third byte
	flagResponse  = 0x80 // likewise
)

// fit shortens an answer to a limit: further records go first, then those about
// servers, then those that were asked for. Whether one of the last two is missing is
// told by a flag, with which resolvers ask again by TCP. It may change msg.
func fit(msg []byte, limit int) []byte {
	if len(msg) <= limit {
		return msg
	}
	at, ok := skipQuestion(msg)
	if !ok || at > limit {
		return nil // no answer of ours
	}
	opt := findOPT(msg, at)
	limit -= len(opt)
	full := false
	for _, section := range []int{answers, authorities, additionals} {
		kept := 0
		for range count(msg, section) {
			r, ok := readRecord(msg, at)
			if full = full || !ok || r.end > limit; full {
				break
			}
			if section == additionals && r.kind == dnsmessage.TypeOPT {
				full = true // what follows is not worth to be moved
				break
			}
			kept, at = kept+1, r.end
		}
		if full && section != additionals && kept < count(msg, section) {
			msg[2] |= flagTruncated
		}
		setCount(msg, section, kept)
	}
	if opt != nil {
		setCount(msg, additionals, count(msg, additionals)+1)
	}
	return append(msg[:at:at], opt...)
}

// findOPT gives a copy of the record with the parameters of EDNS, if there is one.
func findOPT(msg []byte, at int) []byte {
	n := count(msg, answers) + count(msg, authorities) + count(msg, additionals)
	for range n {
		r, ok := readRecord(msg, at)
		if !ok {
			return nil
		}
		// Its name is the root's, so it means the same wherever it is. One that is
		// so long that nothing else has a place is none to keep.
		if r.kind == dnsmessage.TypeOPT && r.root && r.end-r.start <= minPacket/4 {
			return append([]byte(nil), msg[r.start:r.end]...)
		}
		at = r.end
	}
	return nil
}
