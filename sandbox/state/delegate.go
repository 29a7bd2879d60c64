package state

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// A Delegation is a record whose owner is to be a program that cannot write
// records: it keeps Lock open for as long as it is the owner, and writes down the
// end of the sandbox. Then all who read the record find it, as if the owner had
// written it.
//
// It writes lines into End, in place of what is there, syncs it, and renames it
// in Box from "end.new" to "end": "sandkit end 1", "token " and Token, and then
// keys and numbers, which are status (as wait(2) has it), asked (1: somebody
// stopped the sandbox, 2: killed it, 3: its time was over), oom (how many
// processes were killed for want of memory), seconds and nanoseconds (since
// 1970), lost (lines of the log) and any others; then "complete", and only
// newlines. There is room for 512 bytes, so that a full disk does not matter.
// At last it touches the file ID in Records, which wakes up who watches.
type Delegation struct {
	ID, Token               string
	Lock, Box, Records, End *os.File

	entry *Entry
	given bool // AutoRemove
}

// The names of the end's record in the directory of a sandbox.
const (
	endFile     = "end"
	newEndFile  = "end.new"
	tokenLength = 16
	endRoom     = 512
)

// Delegate prepares that another program owns the record, which stays when the
// sandbox has ended (it is not AutoRemove from now on). The Entry is closed. The
// caller passes the files on and closes the Delegation, or undoes it.
func (e *Entry) Delegate() (*Delegation, error) {
	d, err := e.delegate()
	if err != nil {
		return nil, fmt.Errorf("delegate sandbox %s: %w", ShortID(e.ID()), err)
	}
	return d, nil
}

func (e *Entry) delegate() (_ *Delegation, err error) {
	s := e.store
	d := &Delegation{ID: e.ID(), Token: random(), entry: e, given: e.Record().AutoRemove}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	for _, dir := range []struct {
		to   **os.File
		path string
	}{{&d.Box, boxPath(d.ID, "")}, {&d.Records, recordsDir}} {
		if *dir.to, err = s.files.root.Open(dir.path); err != nil {
			return nil, err
		}
	}
	room := make([]byte, endRoom)
	for i := range room {
		room[i] = '\n'
	}
	if err := s.files.write(boxPath(d.ID, newEndFile), room); err != nil {
		return nil, err
	}
	if d.End, err = s.files.root.OpenFile(boxPath(d.ID, newEndFile), os.O_RDWR|noFollow, 0); err != nil {
		return nil, err
	}
	if err := e.mark(d.Token, false); err != nil {
		return nil, err
	}
	d.Lock, err = e.Detach()
	return d, err
}

// mark says in the record whose word counts for the end.
func (e *Entry) mark(token string, autoRemove bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lock == nil {
		return ErrClosed
	}
	record := e.doc.Record.clone()
	record.AutoRemove = autoRemove
	next := e.doc.next(e.store.boot, record, e.doc.Status.clone(), time.Now().UTC())
	next.Monitor = token
	placed, err := e.store.place(next)
	if placed {
		e.doc = next
	}
	return err
}

// Close closes the files. Who has got copies of them is the owner.
func (d *Delegation) Close() {
	for _, f := range []*os.File{d.Lock, d.Box, d.Records, d.End} {
		if f != nil {
			f.Close()
		}
	}
	d.Lock = nil
}

// Undo gives the record back to this program, when nobody else has got it.
func (d *Delegation) Undo() (*Entry, error) {
	lock := d.Lock
	d.Lock = nil
	defer d.Close()
	e, err := d.entry.store.Inherit(d.ID, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := e.mark("", d.given); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}
