package sandbox

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sandkit/sandkit/sandbox/logs"
)

// LogEntry is a line that the program printed, or a part of one that is longer
// than 16 KiB.
type LogEntry = logs.Entry

// LogOptions select entries of [Sandbox.Logs].
type LogOptions = logs.Options

// LogDriver is where the program's output is kept.
type LogDriver string

// The drivers. The zero value keeps nothing.
const (
	LogRing     LogDriver = "ring"      // the last entries, in the host program's memory
	LogJSONFile LogDriver = "json-file" // files of the format that Docker's json-file driver writes
)

// Logs say what is kept of what the program prints. The zero value is nothing.
type Logs struct {
	Driver LogDriver `json:"driver,omitempty"`
	// RingBytes is how much memory a ring takes; 0: logs.DefaultRingBytes.
	RingBytes int `json:"ringBytes,omitempty"`
	// Path is the json-file, which is continued when it is there. Its directory
	// must exist.
	Path string `json:"path,omitempty"`
	// MaxSize, MaxFiles and Compress are as in [logs.JSONFileOptions].
	MaxSize  int64 `json:"maxSize,omitempty"`
	MaxFiles int   `json:"maxFiles,omitempty"`
	Compress bool  `json:"compress,omitempty"`
}

// WithLogs keeps what the program prints, for [Sandbox.Logs]. Both streams are
// read by one loop, which stamps the lines in the order in which they arrive; of
// what is written to both before the loop wakes up, one stream comes first. What
// WithStdout and WithStderr were given gets the output as well, files too. A
// further process's output is not kept.
func WithLogs(l Logs) Option { return option(func(c *config) { c.spec.Logs = l }) }

// WithLogFunc calls f with each entry, one at a time. What f keeps of the line it
// has to copy. It can be used beside WithLogs.
func WithLogFunc(f func(LogEntry)) Option { return option(func(c *config) { c.logFunc = f }) }

func (l *Logs) fileOptions() logs.JSONFileOptions {
	return logs.JSONFileOptions{MaxSize: l.MaxSize, MaxFiles: l.MaxFiles, Compress: l.Compress}
}

// check finds what makes no sense.
func (l *Logs) check() error {
	if drivers := []LogDriver{"", LogRing, LogJSONFile}; !slices.Contains(drivers, l.Driver) {
		return fmt.Errorf("driver %q is none of %q", l.Driver, drivers[1:])
	}
	file := l.Path != "" || l.MaxSize != 0 || l.MaxFiles != 0 || l.Compress
	switch {
	case l.Driver != LogJSONFile && file:
		return errors.New("a Path, MaxSize, MaxFiles or Compress needs the driver json-file")
	case l.Driver == LogJSONFile && l.Path == "":
		return errors.New("json-file needs a Path")
	case l.Driver != LogRing && l.RingBytes != 0:
		return errors.New("RingBytes needs the driver ring")
	case l.RingBytes < 0:
		return fmt.Errorf("RingBytes %d is negative", l.RingBytes)
	}
	return l.fileOptions().Validate()
}
