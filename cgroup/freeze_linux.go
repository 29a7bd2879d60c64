package cgroup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandkit/sandkit/internal/kernel"
)

// Freeze stops all processes of the group where they are, and returns when they
// are (v2: Linux 5.2; v1: the freezer controller). When ctx ends before, the group is
// thawed again.
func (g *Group) Freeze(ctx context.Context) error {
	p, err := g.freezer(true)
	if err != nil {
		return fmt.Errorf("freeze cgroup %s: %w", g.name, err)
	}
	if err := g.host.freeze(ctx, p); err != nil {
		return errors.Join(fmt.Errorf("freeze cgroup %s: %w", g.name, err), g.host.thaw(p))
	}
	return nil
}

// Thaw lets the group's processes go on. A group that is not frozen is left as
// it is.
func (g *Group) Thaw() error {
	p, err := g.freezer(false)
	if err == nil && p.at != nil {
		err = g.host.thaw(p)
	}
	if err != nil {
		return fmt.Errorf("thaw cgroup %s: %w", g.name, err)
	}
	return nil
}

// freezer gives the place that freezes; nothing, unless it is needed, when the
// group is not there yet.
func (g *Group) freezer(needed bool) (place, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		return place{}, ErrRemoved
	}
	if g.host.find(Core) == nil {
		return place{}, g.host.missing("freezing", Core)
	}
	if needed {
		if err := g.join(Core); err != nil {
			return place{}, err
		}
	}
	p, _ := g.of(Core)
	return p, nil
}

func (h *Host) freeze(ctx context.Context, p place) error {
	if err := h.setFrozen(p, true); err != nil {
		return err
	}
	var wait pause
	for {
		frozen, err := isFrozen(p)
		if err != nil || frozen {
			return err
		}
		if p.at.version == 1 {
			// A process that forks while v1 freezes keeps it from ending.
			if err := h.setFrozen(p, true); err != nil {
				return err
			}
		}
		if err := wait.wait(ctx); err != nil {
			return err
		}
	}
}

func (h *Host) thaw(p place) error { return h.setFrozen(p, false) }

func (h *Host) setFrozen(p place, frozen bool) error {
	file, value := "cgroup.freeze", "0"
	if frozen {
		value = "1"
	}
	if p.at.version == 1 {
		file, value = "freezer.state", "THAWED"
		if frozen {
			value = "FROZEN"
		}
	}
	err := h.files.write(filepath.Join(p.dir, file), value)
	if errors.Is(err, os.ErrNotExist) {
		return &kernel.NotSupportedError{Feature: "freezing", Since: "5.2", Err: err}
	}
	return err
}

func isFrozen(p place) (bool, error) {
	if p.at.version == 1 {
		b, err := os.ReadFile(filepath.Join(p.dir, "freezer.state"))
		return string(bytes.TrimSpace(b)) == "FROZEN", err
	}
	b, err := os.ReadFile(filepath.Join(p.dir, "cgroup.events"))
	return strings.Contains(string(b), "frozen 1"), err
}
