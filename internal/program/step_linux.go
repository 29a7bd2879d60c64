package program

import (
	"syscall"

	"github.com/sandkit/sandkit/internal/sys"
)

// A Step is one system call, or one of the launcher's few operations.
type Step struct {
	Call  sys.Call
	Stage Stage
	Path  string // what the call is about; may be empty

	args   [6]Arg
	nargs  int
	ignore [4]syscall.Errno
	out    place
	note   Word // for path searches
	noted  bool
	idmaps bool
	flags  uint8
}

// Flags of a step; internal/launch/src/wire.h has the same.
const (
	stepFork      = 1
	stepRetryBusy = 2
	stepWhole     = 4
)

// The launcher's own operations; internal/launch/src/wire.h has the same.
var (
	opSpawn          = sys.Call{Name: "SPAWN", Nr: 0x10000}
	opAwait          = sys.Call{Name: "AWAIT", Nr: 0x10001}
	opPost           = sys.Call{Name: "POST", Nr: 0x10002}
	opDefaultSignals = sys.Call{Name: "DEFAULT_SIGNALS", Nr: 0x10003}
	opDenied         = sys.Call{Name: "DENIED", Nr: 0x10004}
	opStay           = sys.Call{Name: "STAY", Nr: 0x10005}
	opHostAlive      = sys.Call{Name: "HOST_ALIVE", Nr: 0x10006}
	opDropBounding   = sys.Call{Name: "DROP_BOUNDING", Nr: 0x10007}
	opCut            = sys.Call{Name: "CUT", Nr: 0x10008}
	opFiles          = sys.Call{Name: "FILES", Nr: 0x10009}
	opKeep           = sys.Call{Name: "KEEP", Nr: 0x1000a}
)

// IDMaps tells whether the step makes an idmapped mount.
func (st *Step) IDMaps() bool { return st.idmaps }

func call(c sys.Call, args ...Arg) Step {
	st := Step{Call: c, nargs: len(args)}
	copy(st.args[:], args)
	return st
}

// place is where a result goes: nowhere, a slot, or a field of an Object.
type place struct {
	slot   int // counted from 1
	object *Object
	offset int
}
