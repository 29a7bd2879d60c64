package fs_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandkit/sandkit/fs"
)

func TestMountsPrintThemselves(t *testing.T) {
	all := fs.BindRO("/a", "/b")
	all.Flat, all.NoExec = true, true
	for want, m := range map[string]fs.Mount{
		"bind /a on /b": fs.Bind("/a", "/b"),
		"bind /a on /b, read-only, flat, no exec": all,
		"tmpfs /t (67108864 bytes)":               fs.Tmpfs("/t", 0),
		"file /f (2 bytes)":                       fs.File("/f", 0, []byte("hi")),
	} {
		if got := m.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back fs.Mount
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m, back); d != "" {
			t.Errorf("%s: %s", b, d)
		}
	}
	for want, r := range map[string]fs.Root{
		"host tools, copy-on-write (536870912 bytes)": {},
		"/r, read-only": {Dir: "/r", ReadOnly: true},
		"/r, writable":  {Dir: "/r", Writable: true},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDefaultsCoverDockers(t *testing.T) {
	masked := strings.Join(fs.DefaultMasked(), " ") + " "
	for p := range strings.FieldsSeq("/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug " +
		"/proc/scsi /proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware /sys/devices/system/cpu/cpu*/thermal_throttle") {
		if !strings.Contains(masked, p+" ") {
			t.Errorf("%s is not masked", p)
		}
	}
	readOnly := strings.Join(fs.DefaultReadOnly(), " ") + " "
	for p := range strings.FieldsSeq("/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger") {
		if !strings.Contains(readOnly, p+" ") {
			t.Errorf("%s is not read-only", p)
		}
	}
}

func FuzzMountValidate(f *testing.F) {
	f.Add("bind", "/a", "/b", int64(0))
	f.Add("tmpfs", "", "/b/../c", int64(-1))
	f.Fuzz(func(t *testing.T, typ, source, target string, size int64) {
		m := fs.Mount{Type: fs.Type(typ), Source: source, Target: target, Size: size}
		if m.Validate() == nil && (strings.Contains(target, "\x00") || !strings.HasPrefix(target, "/") || strings.Contains("/"+target+"/", "/../")) {
			t.Errorf("%+v is valid", m)
		}
	})
}
