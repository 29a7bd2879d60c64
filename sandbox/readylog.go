package sandbox

import (
	"slices"
	"sync"

	"github.com/sandkit/sandkit/sandbox/logs"
)

// maxTail is how much of the output a tail keeps.
const maxTail = 4 << 10

// watchedLog looks at the output until the sandbox is ready, as a driver of logs.
type watchedLog struct {
	mu    sync.Mutex
	waits []*logWait
	tail  []byte // the end of the output
	done  bool   // nobody is interested any more
}

// logWait is a condition on its way.
type logWait struct {
	match func(line []byte) bool
	holds chan struct{} // closed when it does
}

// watchLog gives what looks at the output for the conditions; nil when there is no
// need to.
func watchLog(conditions []Ready, kept bool) *watchedLog {
	w := &watchedLog{}
	for _, c := range conditions {
		if c.match != nil {
			w.waits = append(w.waits, &logWait{c.match, make(chan struct{})})
		}
	}
	if len(w.waits) == 0 && (!kept || len(conditions) == 0) {
		return nil
	}
	return w
}

// Log looks at an entry.
func (w *watchedLog) Log(e logs.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done {
		return nil
	}
	w.tail = append(w.tail, e.Line...)
	w.tail = w.tail[max(0, len(w.tail)-maxTail):]
	w.waits = slices.DeleteFunc(w.waits, func(c *logWait) bool {
		holds := c.match(e.Line)
		if holds {
			close(c.holds)
		}
		return holds
	})
	return nil
}

// Close does nothing: what was seen stays.
func (w *watchedLog) Close() error { return nil }

// end gives the end of the output, after which nothing is kept.
func (w *watchedLog) end() []byte {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	tail := w.tail
	w.done, w.tail, w.waits = true, nil, nil
	return tail
}
