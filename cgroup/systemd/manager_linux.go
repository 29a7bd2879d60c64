package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/godbus/dbus/v5"
)

// Names of systemd's interface on D-Bus (org.freedesktop.systemd1(5)).
const (
	busName   = "org.freedesktop.systemd1"
	busPath   = "/org/freedesktop/systemd1"
	managerIf = "org.freedesktop.systemd1.Manager"
)

// manager is a connection to one systemd.
type manager struct {
	conn    *dbus.Conn
	signals chan *dbus.Signal
}

// property is one of a new unit: D-Bus's (sv).
type property struct {
	Name  string
	Value dbus.Variant
}

// auxiliary is a unit that comes along, of which there is none: a(sa(sv)).
type auxiliary struct {
	Name       string
	Properties []property
}

// dial connects to the bus. The connection ends with ctx.
func dial(ctx context.Context, address string) (*manager, error) {
	conn, err := dbus.Dial(address, dbus.WithContext(ctx))
	if err == nil {
		err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))})
		if err == nil {
			err = conn.Hello()
		}
		if err != nil {
			_ = conn.Close() // it never worked
		}
	}
	if err == nil {
		m := &manager{conn, make(chan *dbus.Signal, 64)}
		conn.Signal(m.signals)
		return m, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		err = &NotSupportedError{
			Feature: "systemd scope", Err: err,
			Hint: "there is no D-Bus: install dbus; for an ordinary user, log in, or loginctl enable-linger",
		}
	}
	return nil, fmt.Errorf("connect to D-Bus at %s: %w", address, err)
}

func (m *manager) close() { _ = m.conn.Close() } // nothing is on its way

// call calls a method of the manager.
func (m *manager) call(ctx context.Context, method string, args ...any) *dbus.Call {
	return m.conn.Object(busName, busPath).CallWithContext(ctx, managerIf+"."+method, 0, args...)
}

// startScope has the unit made with this program in it, and waits for it.
func (m *manager) startScope(ctx context.Context, unit string, s Scope) error {
	// Before the job is there, so that its end cannot be missed. The sender has
	// to be systemd: everybody may send signals.
	err := m.conn.AddMatchSignalContext(ctx,
		dbus.WithMatchSender(busName), dbus.WithMatchInterface(managerIf), dbus.WithMatchMember("JobRemoved"))
	if err == nil {
		err = m.call(ctx, "Subscribe").Err
	}
	var job dbus.ObjectPath
	if err == nil {
		err = m.call(ctx, "StartTransientUnit", unit, "fail", s.properties(), []auxiliary{}).Store(&job)
	}
	if err != nil {
		return explain(ctx, unit, err)
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case signal, ok := <-m.signals:
			if !ok {
				return explain(ctx, unit, errors.New("connection to D-Bus was closed"))
			}
			if result, ended := jobResult(signal, job); ended && result != "done" {
				return &JobError{unit, result}
			} else if ended {
				return nil
			}
		}
	}
}

// properties are those of systemd.scope(5) and systemd.resource-control(5).
func (s Scope) properties() []property {
	list := []property{
		{"Description", dbus.MakeVariant(s.description())},
		{"PIDs", dbus.MakeVariant([]uint32{uint32(os.Getpid())})},
		{"Delegate", dbus.MakeVariant(true)},
		// The unit is forgotten when it ends, however it does.
		{"CollectMode", dbus.MakeVariant("inactive-or-failed")},
	}
	if s.Slice != "" {
		list = append(list, property{"Slice", dbus.MakeVariant(s.Slice)})
	}
	return list
}

// jobResult tells whether a signal says that a job has ended, and how.
func jobResult(signal *dbus.Signal, job dbus.ObjectPath) (result string, ended bool) {
	var (
		id   uint32
		path dbus.ObjectPath
		unit string
	)
	if signal.Name != managerIf+".JobRemoved" || dbus.Store(signal.Body, &id, &path, &unit, &result) != nil {
		return "", false
	}
	return result, path == job
}

// explain makes errors of D-Bus what callers can ask for.
func explain(ctx context.Context, unit string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e, ok := errors.AsType[dbus.Error](err)
	if !ok {
		return fmt.Errorf("start %s: %w", unit, err)
	}
	switch e.Name {
	case "org.freedesktop.systemd1.UnitExists":
		return fmt.Errorf("start %s: %w: %w", unit, os.ErrExist, err)
	case "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired":
		return fmt.Errorf("start %s: %w: %w", unit, os.ErrPermission, err)
	case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.Spawn.ServiceNotFound":
		return &NotSupportedError{Feature: "systemd scope", Hint: "systemd is not on this D-Bus: for an ordinary user, it takes a user manager", Err: err}
	}
	return fmt.Errorf("start %s: %w", unit, err)
}
