package monitor

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"time"
)

// The wire format; src/handover.h has the same.
const (
	magic   = 0x6d6b6e73
	maxName = 240
	maxDirs = 8192
	maxHeld = 64

	cmdAdopt   = 34
	cmdAdopted = 35

	msgHello   = 40
	msgReady   = 41
	msgAdopted = 42

	messageSize = 16
)

// Files are the descriptors of a sandbox. Those from Out on may be nil.
type Files struct {
	Control *os.File // the socket of process 1
	PIDFD   *os.File // of process 1
	Lock    *os.File // of the record in the store
	Box     *os.File // the sandbox's directory there
	Records *os.File // the directory of its record
	End     *os.File // "end.new" in Box, which has room for 512 bytes
	Listen  *os.File // the socket that others connect to
	Out     *os.File // where the program's output is read, with Err
	Err     *os.File
	LogDir  *os.File // the directory of the log
	LogLock *os.File // which makes its owner the writer
	Events  *os.File // the group's memory.events, or memory.oom_control
	Root    *os.File
	Changes *os.File
	// Held are those that need only stay open, such as locks.
	Held []*os.File
}

// slots are the files in the order of the wire.
func (f *Files) slots() []**os.File {
	return []**os.File{
		&f.Control, &f.PIDFD, &f.Lock, &f.Box, &f.Records, &f.End, &f.Listen,
		&f.Out, &f.Err, &f.LogDir, &f.LogLock, &f.Events, &f.Root, &f.Changes,
	}
}

// always is how many of the slots are never nil.
const always = 7

// all gives the files that are there, and which these are.
func (f *Files) all() (files []*os.File, has uint32) {
	for i, slot := range f.slots() {
		if *slot != nil {
			has |= 1 << i
			files = append(files, *slot)
		}
	}
	return slices.Concat(files, f.Held), has
}

// Close closes all of them.
func (f *Files) Close() {
	files, _ := f.all()
	for _, file := range files {
		file.Close()
	}
	*f = Files{}
}

// A Dir is a cgroup's directory that goes with the sandbox.
type Dir struct {
	Path string `json:"path"`
	// Own tells that only the sandbox is in it. Others are removed if nothing is.
	Own bool `json:"own,omitempty"`
}

// A Sandbox is what is handed over.
type Sandbox struct {
	Files
	ID, Token    string // 64 and 16 characters; the token marks the record of the end
	PID, MainPID int    // of process 1; of the main process inside
	Children     []int  // numbers inside of those that this program has made
	LogName      string // in LogDir
	LogSize      int64
	LogFiles     int
	LogMode      os.FileMode
	Pending      [2][]byte     // of each stream: a line that is not complete
	KillAfter    time.Duration // 0: never
	Dirs         []Dir         // in the order in which they are removed
}

// encode gives the hand-over.
func (s *Sandbox) encode(has uint32) ([]byte, error) {
	var dirs []byte
	for _, d := range s.Dirs {
		kind := byte('t')
		if d.Own {
			kind = 'g'
		}
		dirs = append(append(append(dirs, kind), d.Path...), 0)
	}
	if len(s.ID) != 64 || len(s.Token) != 16 || has&(1<<always-1) != 1<<always-1 || len(s.Held) > maxHeld {
		return nil, fmt.Errorf("BUG: incomplete hand-over %q, %q, %#x, %d", s.ID, s.Token, has, len(s.Held))
	}
	if len(s.LogName) > maxName || len(dirs) > maxDirs {
		return nil, fmt.Errorf("name of the log or of the cgroup is too long: %w", os.ErrInvalid)
	}
	e := binary.NativeEndian
	var b []byte
	for _, n := range []int{
		magic, int(has), s.PID, s.MainPID, len(s.Children), len(s.LogName),
		len(s.Pending[0]), len(s.Pending[1]), len(dirs), max(1, s.LogFiles),
	} {
		b = e.AppendUint32(b, uint32(n))
	}
	b = e.AppendUint64(b, uint64(s.LogSize))
	var kill uint64
	if s.KillAfter != 0 {
		kill = uint64(max(1, s.KillAfter.Milliseconds()))
	}
	b = e.AppendUint64(b, kill)
	b = e.AppendUint32(b, uint32(s.LogMode.Perm()))
	b = e.AppendUint32(b, 0)
	b = append(append(b, s.ID...), s.Token...)
	for _, pid := range s.Children {
		b = e.AppendUint32(b, uint32(pid))
	}
	return slices.Concat(b, []byte(s.LogName), s.Pending[0], s.Pending[1], dirs), nil
}

func order(kind uint32) []byte {
	b := make([]byte, messageSize)
	binary.NativeEndian.PutUint32(b, kind)
	return b
}
