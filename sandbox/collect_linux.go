package sandbox

import (
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
	poller  *sys.Poller
	inputs  []*input
	open    int // inputs that have not ended
	buf     []byte
	errs    undo.Errors
	done    chan struct{} // closed when the loop has ended; nil before it begins
	parting atomic.Bool   // an interrupt ends the loop, and nothing else
}

// input is one stream.
type input struct {
	name   string
	from   *os.File
	to     io.Writer // may be nil
	split  *logs.Splitter
	failed bool // the writer; the log goes on
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
	if err := c.take(read, &input{name: name, to: to, split: logs.NewSplitter(stream, time.Now)}); err != nil {
		return nil, errors.Join(err, read.Close(), write.Close())
	}
	return write, nil
}

// take reads a stream from a pipe.
func (c *collector) take(read *os.File, in *input) error {
	if err := c.poller.Add(read, len(c.inputs)); err != nil {
		return err
	}
	in.from = read
	c.inputs = append(c.inputs, in)
	c.open++
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
			c.read(c.inputs[id])
		}
	}
	c.errs.Add(c.closeInputs())
	c.errs.Add(c.closeDrivers())
}

// drain takes what is in the pipes, without waiting for more.
func (c *collector) drain(ready []int) {
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

// read takes what is there of a stream, at most as much as the buffer holds.
func (c *collector) read(in *input) {
	if in.from == nil {
		return
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
		if errors.Is(readErr, syscall.EAGAIN) {
			return
		}
		err = errors.Join(err, readErr)
	}
	if err != nil {
		c.errs.Add(fmt.Errorf("read %s: %w", in.name, err))
	}
	if n <= 0 || err != nil {
		c.end(in)
		return
	}
	c.log(in.split.Write(c.buf[:n]))
	if in.to != nil && !in.failed {
		if _, err := in.to.Write(c.buf[:n]); err != nil {
			in.failed = true
			c.errs.Add(fmt.Errorf("write %s: %w", in.name, err))
		}
	}
}

// end logs what is left of a stream.
func (c *collector) end(in *input) {
	if in.from == nil {
		return
	}
	if rest, ok := in.split.Flush(); ok {
		c.log([]LogEntry{rest})
	}
	c.errs.Add(errors.Join(c.poller.Remove(in.from), in.from.Close()))
	in.from = nil
	c.open--
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
