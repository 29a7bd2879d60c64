package state

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ending is what the owner of a delegated record has written.
type ending struct {
	token  string
	status int
	asked  int
	oom    int
	lost   int
	time   time.Time
}

// Who has asked for the end.
const (
	askedStop    = 1
	askedKill    = 2
	askedTimeout = 3
)

// TimedOut is Status.Error when the time was over that a delegated sandbox had.
const TimedOut = "timed out"

var errEnding = errors.New("it is no record of an end")

// parseEnding reads it.
func parseEnding(b []byte) (*ending, error) {
	text, ok := strings.CutSuffix(strings.TrimRight(string(b), "\n"), "\ncomplete")
	lines := strings.Split(text, "\n")
	if !ok || len(lines) < 2 || lines[0] != "sandkit end 1" {
		return nil, errEnding
	}
	e := &ending{}
	if e.token, ok = strings.CutPrefix(lines[1], "token "); !ok || len(e.token) != tokenLength {
		return nil, errEnding
	}
	var seconds, nanoseconds int
	fields := map[string]*int{
		"status": &e.status, "asked": &e.asked, "oom": &e.oom, "lost": &e.lost, "seconds": &seconds, "nanoseconds": &nanoseconds,
	}
	for _, line := range lines[2:] {
		key, value, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q: %w", clip(line, 40), errEnding)
		}
		if to := fields[key]; to != nil {
			*to = n
			delete(fields, key)
		}
	}
	if len(fields) > 0 || e.status > 0xffff || nanoseconds >= 1e9 {
		return nil, errEnding
	}
	if e.time = time.Unix(int64(seconds), int64(nanoseconds)).UTC(); !storable(e.time) {
		return nil, errEnding
	}
	return e, nil
}

// end makes of a status that of a sandbox that has ended.
func (s *Status) end(e *ending) {
	s.State, s.PID, s.PIDStart, s.NextRestartAt = Exited, 0, "", time.Time{}
	s.Finished = e.time
	s.ExitCode, s.Signal = e.status>>8, e.status&0x7f
	if s.Signal != 0 {
		s.ExitCode = 128 + s.Signal
	}
	const killed = 9
	s.OOMKilled = e.oom > 0 && s.Signal == killed
	s.ManuallyStopped = e.asked == askedStop || e.asked == askedKill
	switch {
	case e.asked == askedTimeout && s.Signal == killed:
		s.Error = TimedOut
	case e.lost > 0:
		s.Error = fmt.Sprintf("%d lines of the log were lost, as the disk was full", e.lost)
	}
}

// merge gives the document with the end that the owner of a delegated record has
// written, if there is one.
func (s *Store) merge(d *document) (*document, error) {
	if d.Monitor == "" || !d.Status.State.live() {
		return d, nil
	}
	id := d.Record.ID
	b, err := s.files.read(boxPath(id, endFile), endRoom)
	if noEntry(err) {
		return d, nil
	}
	var e *ending
	if err == nil {
		e, err = parseEnding(b)
	}
	if err != nil {
		return nil, &CorruptError{Path: boxPath(id, endFile), Err: err}
	}
	if e.token != d.Monitor {
		return d, nil // of an earlier life
	}
	status := d.Status.clone()
	status.end(e)
	// All who do this come to the same result, and who owns it next writes it.
	n := d.next(d.Boot, d.Record.clone(), status, e.time)
	n.merged = true
	return n, nil
}

// settle writes what was merged.
func (s *Store) settle(d *document) error {
	if !d.merged {
		return nil
	}
	if _, err := s.place(d); err != nil {
		return err
	}
	d.merged = false
	return s.files.remove(boxPath(d.Record.ID, endFile))
}
