package state

import (
	"time"
)

// Summary is what lists tell of a sandbox.
type Summary struct {
	Record Record // without Spec
	Status Status
	// Owned tells that a living process owns the record. Lists find it out only
	// for sandboxes that run or are about to.
	Owned bool
	// SizeRW is how many bytes the sandbox has written, and SizeRoot how many its
	// root has. Records do not tell; who prints sizes fills them in.
	SizeRW, SizeRoot int64
}

// exitLost is the exit code of what was killed, as the rest is with its owner.
const exitLost = 128 + 9

// The texts of Status.Error for what nobody saw the end of.
const (
	lostOwner  = "the process that owned the sandbox ended before it"
	lostReboot = "the machine was restarted"
)

// summarize tells what is true of a document now: that something runs is true
// only if its owner lives to tell the end, or its main process does.
func (s *Store) summarize(doc *document) (Summary, error) {
	for {
		sum := Summary{Record: doc.Record, Status: doc.Status}
		if !doc.Status.State.live() {
			return sum, nil
		}
		var err error
		if sum.Owned, err = s.owned(doc.Record.ID); err != nil || sum.Owned && doc.Boot == s.boot {
			return sum, err
		}
		if lives, err := sum.Status.processLives(s.boot); lives || err != nil {
			return sum, err
		}
		// The owner may have written the end and left in between.
		again, err := s.read(doc.Record.ID)
		if err != nil {
			return sum, err
		}
		if again.Sequence == doc.Sequence {
			sum.Status.lose(doc.Boot == s.boot, time.Now().UTC())
			return sum, nil
		}
		doc = again
	}
}

// lose makes of a status what is left when owner and process are gone.
func (s *Status) lose(sameBoot bool, now time.Time) {
	if s.State.Runs() {
		s.ExitCode, s.Signal, s.Finished = exitLost, 9, now
	}
	s.State, s.PID, s.PIDStart, s.NextRestartAt = Exited, 0, "", time.Time{}
	if s.Error = lostOwner; !sameBoot {
		s.Error = lostReboot
	}
}
