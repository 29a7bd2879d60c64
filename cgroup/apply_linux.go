package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/sys"
)

// Apply replaces the limits: those that l has not are lifted. It may be called
// at any time, also while processes run. On error the limits from before are
// in force again, as far as the kernel takes them back. A MemoryMax below what
// is in use is reached by reclaiming memory; what remains makes v1 refuse the
// limit (EBUSY) and v2 kill processes.
func (g *Group) Apply(ctx context.Context, l Limits) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("limit cgroup %s: %w", g.name, err)
	}
	if err := l.Validate(); err != nil {
		return fmt.Errorf("limit cgroup %s: %w", g.name, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		return fmt.Errorf("limit cgroup %s: %w", g.name, ErrRemoved)
	}
	if err := g.apply(l.Clone()); err != nil {
		return fmt.Errorf("limit cgroup %s: %w", g.name, err)
	}
	return nil
}

// apply changes the limits from g.limits to next, and back on error. It keeps
// next.
func (g *Group) apply(next Limits) error {
	if err := g.resolve(&next); err != nil {
		return err
	}
	was := g.dropped
	prev := g.limits.without(was) // what was dropped is tried again
	g.dropped = nil
	for _, d := range was {
		if d.Field == "Swap" && prev.swapLimit() == next.swapLimit() {
			g.dropped = append(g.dropped, d)
		}
	}
	for _, c := range next.needs() {
		// Where the host has it not, the settings say which limit it is about.
		if err := g.join(c); err != nil && !errors.Is(err, ErrNotSupported) {
			return err
		}
	}
	for n, s := range settings(prev, next, g.host.Version) {
		if err := g.set(s); err != nil {
			if n > 0 {
				err = errors.Join(err, g.back(next, prev))
			}
			return err
		}
	}
	if err := g.setDevices(prev.Devices, next.Devices); err != nil {
		// Half of v1's rules may be written; v2's old filter is in force still.
		if p, ok := g.of(Devices); ok && p.at.version == 1 {
			err = errors.Join(err, g.devicesV1(p, prev.Devices))
		}
		return errors.Join(err, g.back(next, prev))
	}
	g.limits = next
	return nil
}

// without gives the limits less those that are not in force.
func (l Limits) without(dropped []Dropped) Limits {
	l = l.Clone()
	for _, d := range dropped {
		name, _, _ := strings.Cut(d.Field, "[")
		if f := reflect.ValueOf(&l).Elem().FieldByName(name); f.IsValid() {
			f.SetZero()
		}
	}
	return l
}

// back takes a change back that failed half-way. Values that were not written
// yet are written once more, which does no harm.
func (g *Group) back(next, prev Limits) error {
	dropped := g.dropped
	defer func() { g.dropped = dropped }()
	for _, s := range settings(next, prev, g.host.Version) {
		if err := g.set(s); err != nil && !errors.Is(err, ErrNotSupported) {
			return fmt.Errorf("take back: %w", err)
		}
	}
	return nil
}

// set writes one setting, or drops it when the host cannot give it and that is
// allowed.
func (g *Group) set(s setting) error {
	err := g.write(s)
	if err == nil || !errors.Is(err, ErrNotSupported) {
		return err
	}
	return g.drop(s.field, err)
}

// drop notes that a limit is not in force, or gives the error back.
func (g *Group) drop(field string, err error) error {
	name, _, _ := strings.Cut(field, "[")
	if !g.best.allows(name) {
		return err
	}
	if !slices.ContainsFunc(g.dropped, func(d Dropped) bool { return d.Field == field }) {
		g.dropped = append(g.dropped, Dropped{field, err})
	}
	return nil
}

func (g *Group) write(s setting) error {
	if s.refused != "" {
		return &kernel.NotSupportedError{Feature: fmt.Sprintf("%s (cgroup controller %s)", s.field, s.controller), Hint: s.refused}
	}
	p, ok := g.of(s.controller)
	if !ok {
		return g.host.missing(s.field, s.controller)
	}
	path := filepath.Join(p.dir, s.file)
	if s.controller == CPUSet && s.value == "" {
		var err error
		if s.value, err = setAbove(p, s.file); err != nil {
			return fmt.Errorf("%s: %w", s.field, err)
		}
	}
	err := g.host.files.write(path, s.value)
	if s.file == "io.weight" && errors.Is(err, os.ErrNotExist) {
		path = filepath.Join(p.dir, "io.bfq.weight")
		err = g.host.files.write(path, number(bfqWeight(max(g.weightOf(s.value), 1))))
	}
	// A v1 file that may not be made is how cgroupfs says that it is not there.
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.EOPNOTSUPP) {
		if s.idle != nil && s.idle() {
			return nil
		}
		hint := s.hint
		if p.at.version == 2 && !slices.Contains(g.host.available, string(s.controller)) && s.controller != Core {
			return g.host.missing(s.field, s.controller)
		}
		return &kernel.NotSupportedError{
			Feature: fmt.Sprintf("%s (cgroup controller %s)", s.field, s.controller), Since: s.since, Hint: hint, Err: err,
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.field, err)
	}
	return nil
}

func (g *Group) weightOf(value string) (weight uint64) {
	_, _ = fmt.Sscanf(value, "default %d", &weight) // our own text
	return weight
}

// resolve turns the paths of devices into numbers, of which two may be the
// same.
func (g *Group) resolve(l *Limits) error {
	for i, io := range l.IO {
		if isDeviceNumber(io.Device) {
			continue
		}
		var st syscall.Stat_t
		err := syscall.Stat(io.Device, &st)
		if err == nil && st.Mode&sys.S_IFMT != sys.S_IFBLK {
			err = syscall.ENOTBLK
		}
		if err != nil {
			return fmt.Errorf("IO[%d]: %w", i, &os.PathError{Op: "stat", Path: io.Device, Err: err})
		}
		major, minor := sys.DeviceNumbers(st.Rdev)
		l.IO[i].Device = DeviceNumber{major, minor}.String()
		if slices.ContainsFunc(l.IO[:i], l.IO[i].sameDevice) {
			return fmt.Errorf("IO[%d]: %s is another limit's device: %w", i, io.Device, os.ErrInvalid)
		}
	}
	return nil
}
