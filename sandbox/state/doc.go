// Package state keeps records of sandboxes on disk, which any process may read
// and change at any time, without a daemon.
//
//	s, err := state.Open(dir)
//	e, err := s.Create(ctx, state.Record{Name: "web", Command: command})
//	defer e.Close()
//	err = e.Update(func(st *state.Status) error { st.State, st.PID = state.Running, pid; return nil })
//
//	list, err := s.List(ctx, state.ListOptions{}) // in any other process
//	err = state.FormatTable(os.Stdout, list, state.TableOptions{})
//
// It knows nothing of how sandboxes are run: what their creator needs to know of
// them again is in Record.Spec, whatever it is.
//
// # Owners
//
// A record has at most one owner, who holds an [Entry] and alone changes it.
// What makes it the owner is a lock on an open file (an open file description
// lock, Linux 3.15), which the kernel drops when the process ends in whatever
// way, and which survives nothing else. A process id is never taken for a sign
// of life of an owner. That of a sandbox's main process counts only together
// with the boot of the machine and the time at which it began, so that another
// process that got the same number later is not taken for it.
//
// A record that says that a sandbox runs, while it has no owner and no main
// process, is not believed: it is shown as exited, with code 137, and
// [Store.Collect] makes it so.
//
// # The directory
//
//	version                 the format
//	records/ID              record and status in one small file, replaced as a whole
//	names/NAME              a symbolic link whose text is an id
//	sandboxes/ID/lock       its first byte is locked by the owner
//	sandboxes/ID/spec.json  Record.Spec
//	sandboxes/ID/end        how it ended, by an owner that writes no records
//	sandboxes/ID/data/      Entry.Dir
//	trash/                  directories of sandboxes that are gone
//	lock                    the gate, see below
//
// Directories have mode 0700, files 0600. Only the user whose directory it is
// may use it. All but the directory itself is opened below a descriptor of it.
//
// # The protocol
//
// There is a sandbox when there is its file in records; it is there from the
// rename(2) that makes it until the unlink(2) that removes it. A name is taken
// by symlink(2), which fails when it is there. It counts only when the record
// that it leads to has that name, so that a sandbox's name changes at the moment
// when the record is replaced.
//
// Who creates, renames, removes or adopts shares the gate, a lock on one byte,
// for as long as that takes. Who finds or cleans up what is left of others takes
// the gate alone: nobody is in the middle of anything then, and so a name that
// does not count, or a directory without a record, is one whose process died.
// That is how a collection tells it from one that is being made. A creation that
// meets such a name does the same for this name only. The turn, a lock on
// another byte, is held while waiting for the gate, so that nobody waits for
// ever.
//
// An owner's change of the status needs no gate: it writes the next version
// into the directory of the sandbox and renames it into records. Readers need no
// lock at all. The exception is a sandbox that is said to run: its owner's lock
// is asked for (not taken), and the record read again when it is free, since the
// owner writes the end before it lets go.
//
// Owners are locked after the gate, never before.
//
// # Killed programs and power cuts
//
// A process that is killed at any moment leaves a name, a directory or a
// record that says that something runs, and the next collection puts that right.
// The same holds for a power cut: a file is on the disk before it gets its name,
// and the name before a call returns. [NoSync] gives that up for speed.
//
// Files that this package did not write, and damaged ones, are reported
// (*[CorruptError]), never trusted and never removed, but by [Store.Discard].
package state
