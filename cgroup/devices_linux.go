package cgroup

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// setDevices changes which devices the group may use; nil are all.
func (g *Group) setDevices(prev, next []DeviceRule) error {
	if prev == nil && next == nil || prev != nil && next != nil && slices.Equal(prev, next) {
		return nil
	}
	p, ok := g.of(Devices)
	var err error
	switch {
	case !ok:
		err = g.host.missing("Devices", Devices)
	case p.at.version == 1:
		err = g.devicesV1(p, next)
	default:
		err = g.devicesV2(p, next)
	}
	if err != nil {
		err = fmt.Errorf("limit devices: %w", err)
		if errors.Is(err, ErrNotSupported) {
			return g.drop("Devices", err)
		}
	}
	return err
}

// devicesV1 denies everything first: what fails later leaves the group with
// less.
func (g *Group) devicesV1(p place, rules []DeviceRule) error {
	allow := filepath.Join(p.dir, "devices.allow")
	if rules == nil {
		return g.host.files.write(allow, "a")
	}
	if err := g.host.files.write(filepath.Join(p.dir, "devices.deny"), "a"); err != nil {
		return err
	}
	for _, r := range slices.Concat(StandardDevices(), rules) {
		if err := g.host.files.write(allow, r.String()); err != nil {
			return err
		}
	}
	return nil
}

// devicesV2 attaches the new filter before it takes the old one off: both have
// to allow what is asked meanwhile.
func (g *Group) devicesV2(p place, rules []DeviceRule) error {
	var filter *deviceFilter
	if rules != nil {
		if err := g.host.files.check("bpf", p.dir); err != nil {
			return err
		}
		var err error
		if filter, err = attachFilter(p.dir, slices.Concat(StandardDevices(), rules)); err != nil {
			return err
		}
	}
	if err := g.filter.detach(p.dir); err != nil {
		return errors.Join(err, filter.close())
	}
	g.filter = filter
	return nil
}
