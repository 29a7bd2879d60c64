package ns_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sandkit/sandkit/ns"
)

func ExampleSet() {
	// All new, but for the network, which is that of process 4711, and a clock
	// that says the machine has been up for a day longer.
	s := ns.Set{Net: ns.OfPID(4711), Clocks: &ns.Clocks{Boottime: 24 * time.Hour}}
	fmt.Println(s.String())
	fmt.Println(&ns.Set{})

	data, err := json.Marshal(ns.Set{IPC: ns.OfHost()})
	fmt.Println(string(data), err)
	// Output:
	// net: join process 4711, time: monotonic 0s, boottime 24h0m0s
	// all new
	// {"ipc":{"mode":"host"}} <nil>
}

func ExampleMapping() {
	// 65536 ids from 0 on inside are those from 1879048192 on outside.
	m := ns.BlockMapping(0x70000000, 1<<16)
	fmt.Println(m)
	fmt.Println(m.UIDOutside(1000))
	fmt.Println(m.UIDOutside(70000)) // nobody outside

	// An ordinary user without subordinate ids has one id, which may have any
	// number inside.
	fmt.Println(ns.SingleMapping(0, 0, 1000, 1000))
	// Output:
	// uids 0:1879048192:65536, gids 0:1879048192:65536
	// 1879049192 true
	// 0 false
	// uids 0:1000:1, gids 0:1000:1
}
