package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// document is a file in records: all that a list needs in one read.
type document struct {
	Sequence uint64 `json:"sequence"`        // is raised by every replacement
	Boot     string `json:"boot"`            // of the machine, when it was written
	Given    bool   `json:"given,omitempty"` // its owner let go of it on purpose
	Record   Record `json:"record"`
	Status   Status `json:"status"`
	Last     []note `json:"last,omitempty"` // what happened last, for those who watch
	// Monitor, when not empty, is the token of who writes the end in a file of its
	// own, see Delegation.
	Monitor string `json:"monitor,omitempty"`

	merged bool // with that file
}

// encode gives the file's content.
func (d *document) encode() ([]byte, error) {
	b, err := json.Marshal(d)
	if err == nil && len(b) >= longestRecord {
		err = &InvalidError{"record", d.Record.Name, fmt.Sprintf("it takes %d bytes, more than %d", len(b), longestRecord)}
	}
	return append(b, '\n'), err
}

// decode reads the file of an id and checks all of it.
func decode(id string, b []byte) (*document, error) {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, err
	}
	if d.Record.ID != id {
		return nil, &InvalidError{"ID", d.Record.ID, "it is not the file's name"}
	}
	if err := d.Record.check(); err != nil {
		return nil, err
	}
	if err := d.Status.check(); err != nil {
		return nil, err
	}
	if len(d.Last) > keptNotes {
		return nil, fmt.Errorf("it has %d events: %w", len(d.Last), ErrInvalid)
	}
	return &d, nil
}

// read gives the document of an id; the error is a *NotFoundError when there
// is none, and a *CorruptError when it cannot be trusted.
func (s *Store) read(id string) (*document, error) {
	if !isID(id) {
		return nil, &NotFoundError{id}
	}
	b, err := readAll(s.records, id, longestRecord)
	if noEntry(err) {
		return nil, &NotFoundError{id}
	}
	var d *document
	if err == nil {
		d, err = decode(id, b)
	} else if !errors.Is(err, ErrCorrupt) {
		return nil, fmt.Errorf("read record: %w", err)
	}
	if err != nil {
		return nil, &CorruptError{Path: recordPath(id), Err: err}
	}
	return s.merge(d)
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// readSpec gives Record.Spec.
func (s *Store) readSpec(id string) (json.RawMessage, error) {
	b, err := s.files.read(boxPath(id, specFile), longestSpec)
	if err != nil {
		if errors.Is(err, ErrCorrupt) {
			err = &CorruptError{Path: boxPath(id, specFile), Err: err}
		}
		return nil, err
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	if len(b) == 0 {
		return nil, nil
	}
	if !json.Valid(b) {
		return nil, &CorruptError{Path: boxPath(id, specFile), Err: errors.New("it is no JSON")}
	}
	return b, nil
}

// place writes the next version of a document. The caller owns the record.
// It is in place even when the error is that of a sync.
func (s *Store) place(d *document) (placed bool, err error) {
	id := d.Record.ID
	b, err := d.encode()
	if err != nil {
		return false, err
	}
	if err := s.files.write(boxPath(id, newFile), b); err != nil {
		return false, err
	}
	if err := s.files.rename(boxPath(id, newFile), recordPath(id)); err != nil {
		return false, err
	}
	return true, s.files.syncDir(recordsDir)
}

// next is the document after a change, with the events that tell of it.
func (d *document) next(boot string, record Record, status Status, now time.Time) *document {
	n := &document{Sequence: d.Sequence + 1, Boot: boot, Record: record, Status: status}
	n.Last = d.notes(n, now)
	return n
}
