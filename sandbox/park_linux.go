package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sandkit/sandkit/internal/monitor"
	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/sandbox/logs"
)

// pass gives the streams that are collected to somebody else: nothing is read
// until resume, or passed. The collector has one driver, a json-file, which is
// closed.
func (c *collector) pass(to *monitor.Sandbox) error {
	c.parting.Store(true)
	if err := c.poller.Interrupt(); err != nil {
		return err
	}
	<-c.done
	if c.drivers == nil { // every stream has ended
		return nil
	}
	file, ok := c.drivers[0].(*logs.JSONFile)
	if !ok {
		return fmt.Errorf("the log could not be written: %w", c.errs.Err())
	}
	path := file.Path()
	var err error
	if to.LogDir, err = os.Open(filepath.Dir(path)); err != nil {
		return err
	}
	if to.LogLock, err = file.Detach(); err != nil {
		return err
	}
	to.LogName = filepath.Base(path)
	for i, f := range []**os.File{&to.Out, &to.Err} {
		*f, to.Pending[i] = c.inputs[i].from, c.inputs[i].split.Pending()
	}
	return nil
}

// resume collects on, when nobody has taken the streams.
func (c *collector) resume(l *Logs, to *monitor.Sandbox) error {
	var errs undo.Errors
	if to.LogLock != nil {
		file, err := logs.InheritJSONFile(filepath.Join(to.LogDir.Name(), to.LogName), l.fileOptions(), to.LogLock)
		if err == nil {
			c.drivers[0] = file
		} else {
			c.drivers[0] = nil
			errs.Add(errors.Join(err, to.LogLock.Close()))
		}
	}
	if to.LogDir != nil {
		to.LogDir.Close()
	}
	c.parting.Store(false)
	errs.Add(c.poller.Resume())
	if c.drivers != nil {
		c.start()
	}
	return errs.Err()
}

// passed closes what somebody else has now.
func (c *collector) passed(to *monitor.Sandbox) error {
	for _, f := range []*os.File{to.LogDir, to.LogLock} {
		if f != nil {
			f.Close()
		}
	}
	return errors.Join(c.closeInputs(), c.poller.Close())
}

// inheritStreams collects what a monitor has collected until now.
func inheritStreams(path string, l *Logs, f *monitor.Files, pending [2][]byte) (_ *streams, err error) {
	if f.LogLock == nil {
		return &streams{}, nil
	}
	file, err := logs.InheritJSONFile(path, l.fileOptions(), f.LogLock)
	if err != nil {
		return nil, err
	}
	f.LogLock = nil
	c, err := newCollector([]logs.Driver{file})
	if err != nil {
		return nil, err
	}
	for i, from := range []**os.File{&f.Out, &f.Err} {
		if *from == nil {
			continue
		}
		in := &source{name: []string{"stdout", "stderr"}[i], stream: []logs.Stream{logs.Stdout, logs.Stderr}[i], split: logs.NewSplitter([]logs.Stream{logs.Stdout, logs.Stderr}[i], time.Now)}
		in.split.Write(pending[i])
		if err := c.take(*from, in); err != nil {
			return nil, errors.Join(err, c.discard())
		}
		*from = nil
	}
	return &streams{logs: c}, nil
}
