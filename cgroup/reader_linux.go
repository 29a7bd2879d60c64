package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/undo"
)

// Stats reads what the group has used. The first reading opens about twelve
// files, which stay open until Remove, so that later ones take some 30
// microseconds and an allocation for the disks. After Remove it gives the last
// reading, which Remove takes if there was one before, and otherwise an error
// that matches ErrRemoved.
func (g *Group) Stats() (Stats, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		if g.last.Time.IsZero() {
			return Stats{}, fmt.Errorf("read stats of cgroup %s: %w", g.name, ErrRemoved)
		}
		return g.last.clone(), nil
	}
	if g.reader == nil {
		r, err := openReader(g)
		if err != nil {
			return Stats{}, fmt.Errorf("read stats of cgroup %s: %w", g.name, err)
		}
		g.reader = r
	}
	var s Stats
	if err := g.reader.read(&s); err != nil {
		if gone(err) {
			err = fmt.Errorf("%w: %w", ErrRemoved, err)
		}
		return Stats{}, fmt.Errorf("read stats of cgroup %s: %w", g.name, err)
	}
	s.Time = time.Now()
	return s, nil
}

// clone gives a copy that shares nothing with s.
func (s Stats) clone() Stats {
	s.IO = slices.Clone(s.IO)
	if s.Pressure != nil {
		p := *s.Pressure
		s.Pressure = &p
	}
	return s
}

// reader has a group's files open.
type reader struct {
	files    []statFile
	pressure bool
	buf      []byte
}

type statFile struct {
	fd    *sys.FD
	name  string
	parse func([]byte, *Stats)
}

// source is a file that has numbers, where it is there.
type source struct {
	controller Controller
	version    int
	name       string
	parse      func([]byte, *Stats)
}

// sources are in the order in which they are parsed: memory.stat needs Current.
var sources = []source{
	{Accounting, 1, "cpuacct.usage", func(b []byte, s *Stats) { s.CPU.Usage = parseNanos(b) }},
	{Accounting, 1, "cpuacct.usage_user", func(b []byte, s *Stats) { s.CPU.User = parseNanos(b) }},
	{Accounting, 1, "cpuacct.usage_sys", func(b []byte, s *Stats) { s.CPU.System = parseNanos(b) }},
	{Accounting, 2, "cpu.stat", parseCPUStat},
	{CPU, 1, "cpu.stat", parseCPUStat},
	{Memory, 1, "memory.usage_in_bytes", parseMemoryCurrent},
	{Memory, 1, "memory.max_usage_in_bytes", parseMemoryPeak},
	{Memory, 1, "memory.limit_in_bytes", parseMemoryLimit},
	{Memory, 1, "memory.failcnt", func(b []byte, s *Stats) { s.Memory.LimitHits = parseNumber(b) }},
	// With no swap allowed, it is the limit on both together that is met.
	{Memory, 1, "memory.memsw.failcnt", func(b []byte, s *Stats) { s.Memory.LimitHits += parseNumber(b) }},
	{Memory, 1, "memory.oom_control", parseMemoryEvents},
	{Memory, 2, "memory.current", parseMemoryCurrent},
	{Memory, 2, "memory.peak", parseMemoryPeak},
	{Memory, 2, "memory.max", parseMemoryLimit},
	{Memory, 2, "memory.swap.current", func(b []byte, s *Stats) { s.Memory.Swap = parseNumber(b) }},
	{Memory, 2, "memory.events", parseMemoryEvents},
	{Memory, 0, "memory.stat", parseMemoryStat},
	{Pids, 0, "pids.current", func(b []byte, s *Stats) { s.Pids.Current = parseNumber(b) }},
	{Pids, 0, "pids.peak", func(b []byte, s *Stats) { s.Pids.Peak = parseNumber(b) }},
	{Pids, 0, "pids.max", func(b []byte, s *Stats) { s.Pids.Limit = parseLimit(b) }},
	{Pids, 0, "pids.events", parsePidsEvents},
	{IO, 1, "blkio.throttle.io_service_bytes_recursive", parseBlkioBytes},
	{IO, 1, "blkio.throttle.io_serviced_recursive", parseBlkioOps},
	{IO, 2, "io.stat", parseIOStat},
	{Core, 2, "cpu.pressure", func(b []byte, s *Stats) { parsePressure(b, &s.Pressure.CPU) }},
	{Core, 2, "memory.pressure", func(b []byte, s *Stats) { parsePressure(b, &s.Pressure.Memory) }},
	{Core, 2, "io.pressure", func(b []byte, s *Stats) { parsePressure(b, &s.Pressure.IO) }},
}

func parseMemoryCurrent(b []byte, s *Stats) { s.Memory.Current = parseNumber(b) }
func parseMemoryPeak(b []byte, s *Stats)    { s.Memory.Peak = parseNumber(b) }
func parseMemoryLimit(b []byte, s *Stats)   { s.Memory.Limit = parseLimit(b) }

// bufferSize is more than memory.stat has; files that are longer make the
// buffer grow.
const bufferSize = 8 << 10

func openReader(g *Group) (*reader, error) {
	r := &reader{buf: make([]byte, bufferSize)}
	for _, src := range sources {
		p, ok := g.of(src.controller)
		if !ok || src.version != 0 && src.version != p.at.version {
			continue
		}
		path := filepath.Join(p.dir, src.name)
		fd, err := retry(func() (int, error) { return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0) })
		if errors.Is(err, os.ErrNotExist) {
			continue // this kernel has it not
		}
		if err != nil {
			return nil, errors.Join(&os.PathError{Op: "open", Path: path, Err: err}, r.close())
		}
		f := statFile{sys.NewFD(fd), src.name, src.parse}
		if src.controller == Core {
			// Switched off at boot (psi=0), the files are there and cannot be read.
			if _, err := syscall.Pread(fd, r.buf, 0); err != nil {
				f.fd.Close()
				continue
			}
			r.pressure = true
		}
		r.files = append(r.files, f)
	}
	return r, nil
}

// read reads all files. The kernel gives each in one piece when the buffer is
// large enough.
func (r *reader) read(s *Stats) error {
	*s = Stats{}
	if r.pressure {
		s.Pressure = new(Pressure)
	}
	for i := 0; i < len(r.files); i++ {
		f := &r.files[i]
		n, err := syscall.Pread(f.fd.Int(), r.buf, 0)
		switch {
		case errors.Is(err, syscall.EINTR):
			i--
			continue
		case err != nil:
			return &os.PathError{Op: "read", Path: f.name, Err: err}
		case n == len(r.buf):
			r.buf = make([]byte, 2*len(r.buf))
			i--
			continue
		}
		f.parse(r.buf[:n], s)
	}
	return nil
}

// close closes the files; nil has none.
func (r *reader) close() error {
	if r == nil {
		return nil
	}
	var errs undo.Errors
	for _, f := range r.files {
		errs.Add(f.fd.Close())
	}
	r.files = nil
	return errs.Err()
}
