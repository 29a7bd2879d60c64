package sandbox

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
)

// tcpListen is the state of a socket that listens (TCP_LISTEN), in hexadecimal.
const tcpListen = "0A"

var errSockets = errors.New("want a table of sockets")

// listensOn looks for a listening socket in /proc/net/tcp or tcp6: lines of
// number, local address:port, other address:port, state and more, below a head.
func listensOn(table []byte, port uint16) (bool, error) {
	head := true
	for line := range bytes.Lines(table) {
		fields := bytes.Fields(line)
		if head || len(fields) == 0 {
			head = false
			continue
		}
		if len(fields) < 4 {
			return false, errSockets
		}
		address, text, ok := bytes.Cut(fields[1], []byte(":"))
		var number [2]byte
		if !ok || len(address) == 0 || len(text) != 4 {
			return false, errSockets
		}
		if _, err := hex.Decode(number[:], text); err != nil {
			return false, errSockets
		}
		if string(fields[3]) == tcpListen && binary.BigEndian.Uint16(number[:]) == port {
			return true, nil
		}
	}
	return false, nil
}
