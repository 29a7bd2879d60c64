package systemd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/sandkit/sandkit/internal/testutil"
)

// bus starts a D-Bus daemon for a test and gives its address.
func bus(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		testutil.Skip(t, err.Error())
	}
	dir := t.TempDir()
	address := "unix:path=" + filepath.Join(dir, "bus")
	config := filepath.Join(dir, "conf")
	err = os.WriteFile(config, []byte(`<busconfig><type>session</type><listen>`+address+`</listen><auth>EXTERNAL</auth>
		<policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config-file="+config, "--nofork", "--print-address")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	if _, err := out.Read(make([]byte, 256)); err != nil { // it prints when it listens
		t.Fatal(err)
	}
	return address
}

// unit is what a client asked for.
type unit struct {
	name, mode string
	properties map[string]any
}

// fake is systemd as far as scopes go.
type fake struct {
	t    *testing.T
	conn *dbus.Conn

	// place puts a process into a unit; nil: it only says so.
	place func(unit string, pid uint32) error

	mu         sync.Mutex
	result     string      // the job's; empty: it never ends
	answer     *dbus.Error // the method's
	subscribed bool
	units      []unit
}

// serve makes the fake the bus's systemd.
func serve(t *testing.T, address string, f *fake) *fake {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	f.t, f.conn = t, conn
	if err := conn.ExportMethodTable(map[string]any{
		"Subscribe": f.subscribe, "StartTransientUnit": f.start,
	}, busPath, managerIf); err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName(busName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	return f
}

// set changes how the next job ends, or the method's answer.
func (f *fake) set(result string, answer *dbus.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.result, f.answer = result, answer
}

func (f *fake) subscribe() *dbus.Error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subscribed = true
	return nil
}

func (f *fake) start(name, mode string, list []property, _ []auxiliary) (dbus.ObjectPath, *dbus.Error) {
	u := unit{name, mode, make(map[string]any)}
	for _, p := range list {
		u.properties[p.Name] = p.Value.Value()
	}
	f.mu.Lock()
	f.units = append(f.units, u)
	result, answer := f.result, f.answer
	f.mu.Unlock()
	if answer != nil {
		return "", answer
	}
	pids, ok := u.properties["PIDs"].([]uint32)
	if !ok || len(pids) != 1 {
		return "", dbus.MakeFailedError(fmt.Errorf("processes %v", u.properties["PIDs"]))
	}
	if f.place != nil {
		if err := f.place(name, pids[0]); err != nil {
			return "", dbus.MakeFailedError(err)
		}
	}
	const job = dbus.ObjectPath(busPath + "/job/7")
	// Before the answer, and after the end of another job: clients have to
	// expect both.
	for _, path := range []dbus.ObjectPath{busPath + "/job/6", job} {
		if result == "" {
			break
		}
		said := result
		if path != job {
			said = "failed"
		}
		if err := f.conn.Emit(busPath, managerIf+".JobRemoved", uint32(7), path, name, said); err != nil {
			f.t.Error(err)
		}
	}
	return job, nil
}

// requests gives what was asked for.
func (f *fake) requests() ([]unit, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.units, f.subscribed
}
