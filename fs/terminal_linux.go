package fs

import (
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// unchanged leaves an owner as it is (chown).
const unchanged = 1<<32 - 1

// Terminal makes a terminal for the main process, which is also /dev/console, and
// gives its master. It belongs to this user inside. It comes between Build and
// Finish.
func (t *Tree) Terminal(q *program.Sequence, uid uint32, rows, cols uint16) program.FD {
	q.Stage(StageDev, "/dev/console")
	// The mount that was made, whatever may lie over it; and a master that does
	// not block the host program.
	master := q.Openat(t.pts, "ptmx", sys.O_RDWR|sys.O_NOCTTY|sys.O_NONBLOCK, 0)
	q.UnlockPTY(master)
	q.WindowSize(master, rows, cols)
	owner, ok := t.Owner.UID(uid)
	if root, _ := t.Owner.rootIDs(); ok && owner != root {
		q.Fchownat(t.pts, terminal, owner, unchanged)
	}
	q.Mknodat(t.dev, "console", sys.S_IFREG|0o620, 0)
	q.MoveMount(q.OpenTree(t.pts, terminal, false), t.dev, "console")
	return master
}
