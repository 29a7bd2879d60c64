package kernel

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/sandkit/sandkit/internal/capability"
	"github.com/sandkit/sandkit/internal/sys"
)

// Names of features that other packages ask for.
const (
	Seccomp  = "seccomp filters"
	Landlock = "Landlock"
	TimeNS   = "time namespaces"
	Overlay  = "overlayfs"
	MountAPI = "mount API"
)

// A probe tries one feature: nil for yes, an error that matches
// ErrNotSupported for no, any other for don't know.
type probe struct {
	name, since string
	try         func() (reason string, err error)
}

// no is the answer of a probe that found nothing.
func no(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrNotSupported}, args...)...)
}

var probes = []probe{
	{"openat2", "5.6", missingCall(sys.ProbeOpenat2)},
	{MountAPI, "5.2", missingCall(sys.ProbeFsopen)},
	{"mount_setattr", "5.12", missingCall(sys.ProbeMountSetattr)},
	{"close_range", "5.9", missingCall(sys.ProbeCloseRange)},
	{"pidfd", "5.3", missingCall(sys.ProbePidfd)},
	{Overlay, "3.18", fileSystem("overlay")},
	{"user namespaces", "3.8", userNamespaces},
	{TimeNS, "5.6", namespaceFile("time")},
	{"cgroup namespaces", "4.6", namespaceFile("cgroup")},
	{Seccomp, "3.17", seccompFilter},
	{Landlock, "5.13", landlock},
	{"session keyrings", "2.6", missingCall(sys.ProbeKeyring)},
	{"executable memfd", "3.17", memfdExec},
}

// answers remembers conclusive results: they do not change while the kernel
// runs. What a later seccomp filter of the host program takes away is noticed
// where it is used.
var answers struct {
	sync.Mutex
	known map[string]Feature // by name
}

// host is what does not change while the host program runs.
var host = sync.OnceValues(func() (Features, error) {
	release, err := sys.Release()
	if err != nil {
		return Features{}, err
	}
	v, err := ParseVersion(release)
	if err != nil {
		return Features{}, err
	}
	f := Features{Release: release, Version: v, Landlock: max(0, sys.LandlockABI())}
	f.allIDs, err = allIDs()
	return f, err
})

// Detect finds out what the host can do.
func Detect() (Features, error) {
	f, err := host()
	if err != nil {
		return Features{}, fmt.Errorf("detect features: %w", err)
	}
	// The host program may have given up being root meanwhile.
	if f.Privileged, err = privileged(f.allIDs); err != nil {
		return Features{}, fmt.Errorf("detect features: %w", err)
	}
	f.List = make([]Feature, 0, len(probes))
	for _, p := range probes {
		f.List = append(f.List, p.answer())
	}
	return f, nil
}

func (p probe) answer() Feature {
	answers.Lock()
	defer answers.Unlock()
	if known, ok := answers.known[p.name]; ok {
		return known
	}
	f := Feature{Name: p.name, Since: p.since}
	reason, err := p.try()
	switch {
	case err == nil:
		f.OK, f.Reason = true, reason
	case errors.Is(err, ErrNotSupported):
		f.Reason = strings.TrimPrefix(err.Error(), ErrNotSupported.Error()+": ")
	default:
		// Not known: what needs it will say what is wrong.
		f.OK, f.Reason = true, "not known: "+err.Error()
		return f
	}
	if answers.known == nil {
		answers.known = make(map[string]Feature)
	}
	answers.known[p.name] = f
	return f
}

// rootCapabilities are what the kernel asks of the first user namespace's root
// for making a sandbox.
var rootCapabilities = sync.OnceValues(func() (capability.Set, error) {
	return capability.Parse([]string{
		"SYS_ADMIN", "SETUID", "SETGID", "SETPCAP", "CHOWN", "FOWNER", "DAC_OVERRIDE", "MKNOD", "KILL", "SYS_CHROOT", "NET_ADMIN",
	})
})

// privileged tells whether the host program is root with all that it takes.
func privileged(allIDs bool) (bool, error) {
	if os.Geteuid() != 0 || !allIDs {
		return false, nil
	}
	need, err := rootCapabilities()
	if err != nil {
		return false, err
	}
	eff, err := sys.EffectiveCapabilities()
	return capability.Set(eff).Has(need), err
}

// allIDs tells whether the host program's user namespace has all ids, as the
// first one has, so that any of them can be mapped.
func allIDs() (bool, error) {
	for _, name := range []string{"uid_map", "gid_map"} {
		own, err := os.ReadFile("/proc/self/" + name)
		if err != nil {
			return false, fmt.Errorf("read own id map: %w", err)
		}
		if !slices.Equal(strings.Fields(string(own)), []string{"0", "0", "4294967295"}) {
			return false, nil
		}
	}
	return true, nil
}

// missingCall turns a probe that only tells an errno into an answer.
func missingCall(try func() error) func() (string, error) {
	return func() (string, error) {
		err := try()
		if errors.Is(err, syscall.ENOSYS) {
			return "", no("system call missing or filtered")
		}
		return "", err
	}
}

func fileSystem(name string) func() (string, error) {
	return func() (string, error) {
		b, err := os.ReadFile("/proc/filesystems")
		if err != nil {
			return "", err
		}
		if !slices.Contains(strings.Fields(string(b)), name) {
			return "", fmt.Errorf("%s is not loaded, the kernel may load it when asked", name)
		}
		return "", nil
	}
}

func namespaceFile(kind string) func() (string, error) {
	return func() (string, error) {
		_, err := os.Stat("/proc/self/ns/" + kind)
		if errors.Is(err, os.ErrNotExist) {
			return "", no("no /proc/self/ns/%s", kind)
		}
		return "", err
	}
}

// userNamespaces looks at the switches that forbid them.
func userNamespaces() (string, error) {
	if _, err := namespaceFile("user")(); err != nil {
		return "", err
	}
	for path, bad := range map[string]string{
		"/proc/sys/user/max_user_namespaces":                     "0",
		"/proc/sys/kernel/unprivileged_userns_clone":             "0",
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
	} {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // this kernel has no such switch
		}
		if strings.TrimSpace(string(b)) == bad && (os.Geteuid() != 0 || strings.HasSuffix(path, "max_user_namespaces")) {
			return "", no("%s is %s", path, bad)
		}
	}
	return "", nil
}

func seccompFilter() (string, error) {
	err := sys.ProbeSeccomp()
	if errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EINVAL) {
		return "", no("kernel built without CONFIG_SECCOMP_FILTER")
	}
	return "", err
}

func landlock() (string, error) {
	if abi := sys.LandlockABI(); abi > 0 {
		return fmt.Sprintf("ABI %d", abi), nil
	}
	return "", no("not in the kernel, or not among the active security modules (lsm=)")
}

func memfdExec() (string, error) {
	b, err := os.ReadFile("/proc/sys/vm/memfd_noexec")
	if err == nil && strings.TrimSpace(string(b)) == "2" {
		return "", no("sysctl vm.memfd_noexec is 2")
	}
	return "", nil
}
