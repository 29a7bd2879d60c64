package seccomp

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
)

// Target is what a profile is compiled for. The zero value is this program's
// architecture, no capabilities and the oldest supported kernel.
type Target struct {
	// Arch is a GOARCH: "amd64" or "arm64". Empty: the one this program was built for.
	Arch string
	// Caps are the capabilities in the bounding set of the sandbox, with or
	// without "CAP_". They open the calls that Docker ties to a capability.
	Caps []string
	// Kernel is the running kernel. Zero: Linux 5.15, the oldest supported.
	Kernel Version
}

// oldestKernel is the oldest kernel that the SDK supports.
var oldestKernel = Version{Major: 5, Minor: 15}

// complete fills in the defaults.
func (t Target) complete() Target {
	if t.Arch == "" {
		t.Arch = runtime.GOARCH
	}
	if t.Kernel == (Version{}) {
		t.Kernel = oldestKernel
	}
	return t
}

// Version is a kernel version without its patch level, such as 6.12. The zero
// value means "not given".
type Version struct{ Major, Minor int }

// String returns the version as "6.12".
func (v Version) String() string {
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}

// MarshalText returns the version as "6.12"; the zero value as an empty text.
func (v Version) MarshalText() ([]byte, error) {
	if v == (Version{}) {
		return nil, nil
	}
	return []byte(v.String()), nil
}

// UnmarshalText reads "6.12", the form that Docker's profiles use. An empty
// text gives the zero value.
func (v *Version) UnmarshalText(text []byte) error {
	*v = Version{}
	if len(text) == 0 {
		return nil
	}
	major, minor, ok := strings.Cut(string(text), ".")
	if ok {
		a, errA := strconv.ParseUint(major, 10, 16)
		b, errB := strconv.ParseUint(minor, 10, 16)
		if errA == nil && errB == nil && a+b > 0 {
			*v = Version{Major: int(a), Minor: int(b)}
			return nil
		}
	}
	return fmt.Errorf("kernel version %q: write it as major.minor, for example 6.12", text)
}

func (v Version) less(w Version) bool {
	return v.Major < w.Major || v.Major == w.Major && v.Minor < w.Minor
}
