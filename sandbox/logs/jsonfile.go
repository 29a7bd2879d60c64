package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sandkit/sandkit/internal/undo"
)

// A JSONFile is a [Driver] that writes files as Docker's json-file driver does.
// It is a [Batcher] too: all entries of one call take one write(2).
type JSONFile struct {
	base base
	opts JSONFileOptions
	disk disk

	mu     sync.Mutex
	lock   *os.File // the FIFO; nil once the log is closed
	file   *os.File
	size   int64
	torn   bool // the file ends within a line
	buf    []byte
	enc    encoder
	latest time.Time // of the last entry, for the header of packed files
	packer packer
}

// OpenJSONFile opens a log for writing, and makes it if need be. It goes on where
// an earlier writer, which may have been killed, has ended. The directory must be
// one that nobody else may change. When the log has a writer, the error matches
// [ErrBusy]; on systems without its locks it matches errors.ErrUnsupported.
func OpenJSONFile(path string, o JSONFileOptions) (*JSONFile, error) {
	return openJSONFile(path, o, disk{})
}

func openJSONFile(path string, o JSONFileOptions, d disk) (_ *JSONFile, err error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	// The host program may change its directory later.
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &JSONFile{base: base(path), opts: o.withDefaults(), disk: d}
	l.packer.disk = &l.disk
	if l.lock, err = lockWriter(l.base, l.opts.Mode); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	var stack undo.Stack
	stack.Push("unlock log", func() error { return unlockWriter(l.lock) })
	if err := l.begin(); err != nil {
		return nil, errors.Join(fmt.Errorf("open log %s: %w", path, err), stack.Unwind())
	}
	return l, nil
}

// begin removes what a killed writer left half-way and opens the file.
func (l *JSONFile) begin() (err error) {
	if err := l.cleanUp(); err != nil {
		return err
	}
	if l.file, err = l.disk.openOrCreate(l.base.plain(0), l.opts.Mode); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			l.file.Close()
		}
	}()
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("not a file but %v: %w", info.Mode().Type(), fs.ErrInvalid)
	}
	l.size, l.torn = info.Size(), false
	if l.size > 0 {
		var last [1]byte
		if _, err := l.file.ReadAt(last[:], l.size-1); err != nil {
			return err
		}
		l.torn = last[0] != '\n'
	}
	if l.opts.Compress {
		l.packer.start(l.base, time.Time{}, l.opts.Mode) // if it was not finished
	}
	return nil
}

// Path is where the log is: the absolute path of the file that is written.
func (l *JSONFile) Path() string { return string(l.base) }

// Log writes one entry. It is in the file when Log returns.
func (l *JSONFile) Log(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logAll(e)
}

// LogAll writes entries. They are in the files when it returns.
func (l *JSONFile) LogAll(entries []Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logAll(entries...)
}

// maxBatch is how many bytes are written at once.
const maxBatch = 256 << 10

func (l *JSONFile) logAll(entries ...Entry) (err error) {
	if l.lock == nil {
		return fmt.Errorf("write log %s: %w", l.base, ErrClosed)
	}
	defer func() {
		if err != nil {
			l.buf = l.buf[:0]
			err = fmt.Errorf("write log %s: %w", l.base, err)
		}
	}()
	for i := range entries {
		if l.opts.MaxSize > 0 && l.size+int64(len(l.buf)) >= l.opts.MaxSize {
			if err := l.flush(); err != nil {
				return err
			}
			if err := l.rotate(); err != nil {
				return err
			}
		}
		if l.torn && len(l.buf) == 0 {
			l.buf = append(l.buf, '\n') // what is torn is a line for itself
		}
		if l.buf, err = l.enc.appendRecord(l.buf, &entries[i]); err != nil {
			return err
		}
		l.latest = entries[i].Time
		if len(l.buf) >= maxBatch {
			if err := l.flush(); err != nil {
				return err
			}
		}
	}
	return l.flush()
}

// flush writes what is in the buffer. What cannot be written as a whole stays as
// it is: the next line begins after a newline, and readers skip the torn one.
func (l *JSONFile) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	n, err := l.disk.write(l.file, l.buf)
	l.size += int64(n)
	if n > 0 {
		l.torn = l.buf[n-1] != '\n'
	}
	l.buf = l.buf[:0]
	return err
}

// Close ends the log, and so tells its followers. It waits until the last full
// file is packed. Closing again does nothing.
func (l *JSONFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lock == nil {
		return nil
	}
	var errs undo.Errors
	errs.Add(l.packer.wait())
	errs.Add(l.file.Close())
	errs.Add(unlockWriter(l.lock))
	l.lock = nil
	if err := errs.Err(); err != nil {
		return fmt.Errorf("close log %s: %w", l.base, err)
	}
	return nil
}
