package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/sandbox/logs"
)

// collector reads both streams in one loop, in the order in which something
// arrives, and gives it to drivers and writers.
type collector struct {
	drivers []logs.Driver
	fan     *fan // gets the output, too; nil for nobody
	poller  *sys.Poller
	inputs  []*source
	open    int // inputs that have not ended
	buf     []byte
	errs    undo.Errors
	done    chan struct{} // closed when the loop has ended; nil before it begins
	parting atomic.Bool   // an interrupt ends the loop, and nothing else
}

// source is one stream.
type source struct {
	name   string
	stream logs.Stream
	from   *os.File
	to     io.Writer // may be nil
	split  *logs.Splitter
	failed bool // the writer; the log goes on
	// terminal tells that it is one's master: it never ends by itself, as somebody
	// may open the other end again.
	terminal bool
}

// newCollector makes a collector for these drivers, which it closes.
func newCollector(drivers []logs.Driver) (*collector, error) {
	c := &collector{drivers: drivers}
	var err error
	if c.poller, err = sys.NewPoller(); err != nil {
		return nil, errors.Join(err, c.closeDrivers())
	}
	return c, nil
}

// add makes the pipe of a stream and gives its other end.
func (c *collector) add(name string, stream logs.Stream, to io.Writer) (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe for %s: %w", name, err)
	}
	if err := c.take(read, &source{name: name, stream: stream, to: to}); err != nil {
		return nil, errors.Join(err, read.Close(), write.Close())
	}
	return write, nil
}

// addTerminal collects from a terminal's master, which it closes.
func (c *collector) addTerminal(master *os.File, to io.Writer) error {
	if err := c.poller.AddEdge(master, len(c.inputs)); err != nil {
		return errors.Join(err, master.Close())
	}
	c.watch(&source{name: "terminal", stream: logs.Stdout, from: master, to: to, terminal: true})
	return nil
}

func (c *collector) watch(in *source) {
	if in.split == nil {
		in.split = logs.NewSplitter(in.stream, time.Now)
	}
	c.inputs = append(c.inputs, in)
	c.open++
}

// take reads a stream from a pipe.
func (c *collector) take(read *os.File, in *source) error {
	if err := c.poller.Add(read, len(c.inputs)); err != nil {
		return err
	}
	in.from = read
	c.watch(in)
	return nil
}

// run collects until every stream has ended.
func (c *collector) run() {
	defer close(c.done)
	c.buf = make([]byte, 64<<10)
	var ready []int
	for c.open > 0 {
		var err error
		if ready, err = c.poller.Wait(ready); err != nil {
			if c.parting.Load() {
				return
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				c.errs.Add(fmt.Errorf("wait for output: %w", err))
			}
			c.drain(ready)
			break
		}
		for _, id := range ready {
			for c.read(c.inputs[id]) && c.inputs[id].terminal {
				continue // as it is told only once
			}
		}
	}
	c.errs.Add(c.closeInputs())
	c.errs.Add(c.closeDrivers())
}

// drain takes what is in the pipes, without waiting for more.
func (c *collector) drain(ready []int) {
	for _, in := range c.inputs {
		for in.terminal && c.read(in) {
			continue
		}
	}
	for c.open > 0 {
		var err error
		if ready, err = c.poller.Ready(ready); err != nil || len(ready) == 0 {
			c.errs.Add(err)
			break
		}
		for _, id := range ready {
			c.read(c.inputs[id])
		}
	}
	for _, in := range c.inputs {
		c.end(in)
	}
}

// read takes what is there of a stream, at most as much as the buffer holds, and
// tells whether there was something.
func (c *collector) read(in *source) bool {
	if in.from == nil {
		return false
	}
	conn, err := in.from.SyscallConn()
	n := 0
	if err == nil {
		var readErr error
		err = conn.Control(func(fd uintptr) {
			for n, readErr = syscall.Read(int(fd), c.buf); errors.Is(readErr, syscall.EINTR); {
				n, readErr = syscall.Read(int(fd), c.buf)
			}
		})
		if errors.Is(readErr, syscall.EAGAIN) || in.terminal && errors.Is(readErr, syscall.EIO) {
			return false
		}
		err = errors.Join(err, readErr)
	}
	if err != nil {
		c.errs.Add(fmt.Errorf("read %s: %w", in.name, err))
	}
	if n <= 0 || err != nil {
		c.end(in)
		return false
	}
	c.fan.deliver(in.stream, c.buf[:n], func() { c.log(in.split.Write(c.buf[:n])) })
	if in.to != nil && !in.failed {
		if _, err := in.to.Write(c.buf[:n]); err != nil {
			in.failed = true
			c.errs.Add(fmt.Errorf("write %s: %w", in.name, err))
		}
	}
	return true
}

// end logs what is left of a stream.
func (c *collector) end(in *source) {
	if in.from == nil {
		return
	}
	c.fan.deliver(in.stream, nil, func() {
		if rest, ok := in.split.Flush(); ok {
			c.log([]LogEntry{rest})
		}
	})
	c.errs.Add(errors.Join(c.poller.Remove(in.from), in.from.Close()))
	in.from = nil
	c.open--
}

// pending gives the lines that have begun, while nothing is delivered.
func (c *collector) pending() []LogEntry {
	var all []LogEntry
	for _, in := range c.inputs {
		if line := in.split.Pending(); len(line) > 0 {
			all = append(all, LogEntry{Stream: in.stream, Line: bytes.Clone(line), Partial: true})
		}
	}
	return all
}

// log gives entries to the drivers. A driver that fails gets no more.
func (c *collector) log(entries []LogEntry) {
	for i, d := range c.drivers {
		if d == nil || len(entries) == 0 {
			continue
		}
		if err := logs.LogAll(d, entries); err != nil {
			c.errs.Add(fmt.Errorf("write log: %w", err))
			c.errs.Add(d.Close())
			c.drivers[i] = nil
		}
	}
}

// start begins to collect.
func (c *collector) start() {
	c.done = make(chan struct{})
	go c.run()
}

// finish takes what the pipes still hold once every process is gone.
func (c *collector) finish() error {
	_ = c.poller.Interrupt() // somebody outside may have the other end
	<-c.done
	return errors.Join(c.errs.Err(), c.poller.Close())
}

// discard gives everything back when nothing was started.
func (c *collector) discard() error {
	return errors.Join(c.closeInputs(), c.poller.Close(), c.closeDrivers())
}

func (c *collector) closeInputs() error {
	var errs undo.Errors
	for _, in := range c.inputs {
		if in.from != nil {
			errs.Add(in.from.Close())
			in.from = nil
		}
	}
	return errs.Err()
}

func (c *collector) closeDrivers() error {
	var errs undo.Errors
	for _, d := range c.drivers {
		if d != nil {
			errs.Add(d.Close())
		}
	}
	c.drivers = nil
	return errs.Err()
}
