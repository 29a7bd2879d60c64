package kernel

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestParseVersion(t *testing.T) {
	for release, want := range map[string]Version{
		"6.12.9-amd64": {6, 12}, "5.4": {5, 4}, "6.1.0-13-cloud-arm64": {6, 1}, "10.0-rc1": {10, 0},
	} {
		if v, err := ParseVersion(release); err != nil || v != want {
			t.Errorf("%s: %v, %v", release, v, err)
		}
	}
	for _, release := range []string{"", "6", "six.one", "-", "6.x"} {
		if v, err := ParseVersion(release); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", release)) {
			t.Errorf("%q: %v, %v", release, v, err)
		}
	}
}

func TestAtLeast(t *testing.T) {
	v := Version{6, 1}
	for at, want := range map[Version]bool{{6, 1}: true, {6, 0}: true, {5, 19}: true, {6, 2}: false, {7, 0}: false} {
		if v.AtLeast(at.Major, at.Minor) != want {
			t.Errorf("6.1 at least %d.%d: want %v", at.Major, at.Minor, want)
		}
	}
}

func TestNotSupportedError(t *testing.T) {
	full := &NotSupportedError{Feature: "flying", Since: "9.1", Hint: "walk", Err: syscall.EINVAL}
	cases := map[string]*NotSupportedError{
		"flying not supported (Linux 9.1 or newer): invalid argument; walk": full,
		"flying not supported": {Feature: "flying"},
	}
	for want, err := range cases {
		wrapped := fmt.Errorf("start: %w", err)
		if err.Error() != want || !errors.Is(wrapped, ErrNotSupported) || !errors.Is(wrapped, errors.ErrUnsupported) {
			t.Errorf("error %q, want %q that matches both sentinels", err, want)
		}
	}
	if !errors.Is(full, syscall.EINVAL) || errors.Is(full, os.ErrNotExist) {
		t.Error("the cause does not show, or too much does")
	}
}

// TestAnswers: yes and no are remembered, "don't know" is not, and counts as
// yes, so that what needs the feature says what is wrong.
func TestAnswers(t *testing.T) {
	tries := 0
	try := func(name string, answer error) Feature {
		p := probe{name, "1.0", func() (string, error) {
			tries++
			return "detail", answer
		}}
		t.Cleanup(func() {
			answers.Lock()
			delete(answers.known, name)
			answers.Unlock()
		})
		first, again := p.answer(), p.answer()
		if first != again {
			t.Errorf("%s: %v, then %v", name, first, again)
		}
		return first
	}
	if f := try("test yes", nil); !f.OK || f.Reason != "detail" || tries != 1 {
		t.Errorf("%v after %d tries", f, tries)
	}
	tries = 0
	if f := try("test no", no("because of %d", 3)); f.OK || f.Reason != "because of 3" || tries != 1 {
		t.Errorf("%v after %d tries", f, tries)
	}
	tries = 0
	if f := try("test unknown", io.EOF); !f.OK || f.Reason != "not known: EOF" || tries != 2 {
		t.Errorf("%v after %d tries", f, tries)
	}
}

func TestMissingCall(t *testing.T) {
	for errno, want := range map[error]bool{nil: false, syscall.ENOSYS: true, syscall.EPERM: false} {
		_, err := missingCall(func() error { return errno })()
		if errors.Is(err, ErrNotSupported) != want || errno != nil && err == nil {
			t.Errorf("%v: %v", errno, err)
		}
	}
}

func TestNeed(t *testing.T) {
	f := Features{List: []Feature{{Name: "legs", OK: true}, {Name: "wings", Since: "9.1", Reason: "none grown"}, {Name: "gills"}}}
	for _, name := range []string{"legs", "never probed"} {
		if err := f.Need(name, "walk"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"wings": "wings not supported (Linux 9.1 or newer): none grown; walk", "gills": "gills not supported; walk",
	} {
		if err := f.Need(name, "walk"); !errors.Is(err, ErrNotSupported) || err.Error() != want {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	f.Release = "6.12.9"
	for _, want := range []string{"Linux 6.12.9 as ordinary user\n", "legs", "no: none grown (since Linux 9.1)\n"} {
		if !strings.Contains(f.String(), want) {
			t.Errorf("the report has no %q:\n%s", want, f)
		}
	}
}

// TestDetect: the answers are about this host.
func TestDetect(t *testing.T) {
	f, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil || f.Release != strings.TrimSpace(string(b)) {
		t.Errorf("release %q, the kernel says %q, %v", f.Release, b, err)
	}
	if len(f.List) != len(probes) {
		t.Errorf("%d of %d answers", len(f.List), len(probes))
	}
	if os.Geteuid() != 0 && f.Privileged {
		t.Error("an ordinary user is taken for root")
	}
	if err := f.Need(Landlock, ""); (err == nil) != (f.Landlock > 0) {
		t.Errorf("Landlock ABI %d, but %v", f.Landlock, err)
	}
	// What a feature says about its version agrees with the kernel that runs.
	for _, x := range f.List {
		since, err := ParseVersion(x.Since)
		if err != nil {
			t.Errorf("%s: %v", x.Name, err)
		}
		if x.OK && strings.HasPrefix(x.Reason, "not known") {
			continue
		}
		if x.OK && !f.Version.AtLeast(since.Major, since.Minor) {
			t.Errorf("%s works on Linux %s, but is said to be there since %s", x.Name, f.Release, x.Since)
		}
	}
}
