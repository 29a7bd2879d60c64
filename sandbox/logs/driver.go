package logs

import "sync"

// A Driver does something with entries. Its methods may be called from several
// goroutines at once, and Log must not keep the entry's line when it returns.
type Driver interface {
	// Log takes one entry.
	Log(e Entry) error
	// Close ends the log. Calling it again does nothing.
	Close() error
}

// A Batcher is a [Driver] that takes many entries faster than one by one.
type Batcher interface {
	// LogAll takes entries in their order, with one system call where possible.
	// After an error, the first of them may have been taken.
	LogAll(entries []Entry) error
}

// LogAll gives entries to a driver, at once when it is a [Batcher].
func LogAll(d Driver, entries []Entry) error {
	if b, ok := d.(Batcher); ok {
		return b.LogAll(entries)
	}
	for _, e := range entries {
		if err := d.Log(e); err != nil {
			return err
		}
	}
	return nil
}

// Func is a driver that calls f with each entry, one at a time. What f keeps of
// the line it has to copy. A slow f holds up the program whose output it gets.
func Func(f func(Entry)) Driver { return &funcDriver{f: f} }

type funcDriver struct {
	mu sync.Mutex
	f  func(Entry)
}

// Log calls the function.
func (d *funcDriver) Log(e Entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.f(e)
	return nil
}

// Close does nothing.
func (d *funcDriver) Close() error { return nil }

// Discard is a driver that forgets everything.
type Discard struct{}

// Log does nothing.
func (Discard) Log(Entry) error { return nil }

// LogAll does nothing.
func (Discard) LogAll([]Entry) error { return nil }

// Close does nothing.
func (Discard) Close() error { return nil }
