package sandbox

import (
	"encoding/json"
	iofs "io/fs"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/netlink"
	"github.com/sandkit/sandkit/ns"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// Spec is everything about a sandbox that is data: it can be written to JSON
// and read back. What is bound to the host program, such as readers and
// writers, is given with options. The zero value but for Process.Command is a
// complete Spec; every zero field means the safe default.
type Spec struct {
	// Name is for people; it need not be unique. Empty: the short id.
	Name string `json:"name,omitempty"`
	// Hostname is the host name inside. Empty: the short id.
	Hostname string `json:"hostname,omitempty"`
	// Labels are for people and their programs, to find sandboxes by.
	Labels map[string]string `json:"labels,omitempty"`

	Process ProcessSpec `json:"process"`
	// OpenStdin lets those who attach write to the program, see WithOpenStdin.
	OpenStdin bool `json:"openStdin,omitempty"`
	// Idle is a sandbox without a program of its own, see WithIdle: Process has
	// no command and is what further processes begin with.
	Idle bool `json:"idle,omitempty"`

	// Image, when it names one, is the root in place of Root.Dir, and fills what
	// Process and Stop leave open.
	Image  Image      `json:"image,omitzero"`
	Root   fs.Root    `json:"root,omitzero"`
	Mounts []fs.Mount `json:"mounts,omitempty"`
	Proc   fs.Proc    `json:"proc,omitzero"`
	// VolumesFrom are sandboxes whose mounts are shown as well; KeepVolumes keeps
	// anonymous volumes when the sandbox is closed.
	VolumesFrom []VolumesFrom `json:"volumesFrom,omitempty"`
	KeepVolumes bool          `json:"keepVolumes,omitempty"`
	// MaskedPaths are hidden and ReadOnlyPaths protected from writing; nil
	// means fs.DefaultMasked and fs.DefaultReadOnly, an empty list none. Below
	// /proc and /sys a "*" stands for any part of a name.
	MaskedPaths   []string `json:"maskedPaths"`
	ReadOnlyPaths []string `json:"readOnlyPaths"`

	Namespaces ns.Set `json:"namespaces,omitzero"`
	// Publish are ports inside that are reached at ports of the host, and Expose
	// those that are only named.
	Publish []netlink.Port `json:"publish,omitempty"`
	Expose  []netlink.Port `json:"expose,omitempty"`
	// HostUsers gives no user namespace: root inside is root outside, if
	// without capabilities. Only root can ask for it.
	HostUsers bool `json:"hostUsers,omitempty"`

	Seccomp seccomp.Profile `json:"seccomp,omitzero"`
	// Landlock, when not nil, adds a layer of access rules.
	Landlock *Landlock `json:"landlock,omitempty"`

	// Limits of resources. Pids 0 is DefaultPids, cgroup.Unlimited none; every
	// other zero is no limit, but with HostUsers and one of the capabilities
	// MKNOD and SYS_ADMIN, Devices of nil leaves only cgroup.StandardDevices.
	Limits cgroup.Limits `json:"limits,omitzero"`
	// CgroupParent is the group to make the sandbox's in; empty:
	// cgroup.DefaultParent.
	CgroupParent string `json:"cgroupParent,omitempty"`

	// Logs say what is kept of the program's output.
	Logs Logs `json:"logs,omitzero"`

	// Timeout ends the sandbox; 0: never.
	Timeout time.Duration `json:"timeout,omitempty"`
	Stop    StopPolicy    `json:"stop,omitzero"`

	// Restart says when the program is started again; the zero value is never.
	Restart RestartPolicy `json:"restart,omitzero"`

	// Healthcheck says how it is found out whether the program works; the zero
	// value is as the image says, or not.
	Healthcheck Healthcheck `json:"healthcheck,omitzero"`

	// BestEffort lists what may drop away where the host cannot give it.
	BestEffort []Droppable `json:"bestEffort,omitempty"`
}

// ProcessSpec is the program and what it runs as.
type ProcessSpec struct {
	// Command is the program's name and arguments. A name without a slash is
	// looked up along PATH, inside. With an image, it replaces the arguments of
	// the image's entrypoint, and may be empty.
	Command []string `json:"command"`
	// Path, when not empty, is executed in place of the first word of Command,
	// which stays what the program is told as its name.
	Path string `json:"path,omitempty"`
	// Entrypoint, with an image, replaces the image's: words that come before
	// Command. A single empty one means none.
	Entrypoint []string `json:"entrypoint,omitempty"`
	// Env has "KEY=VALUE"; the last of a key wins. PATH, HOME and HOSTNAME are
	// added when missing. Nothing is inherited.
	Env []string `json:"env,omitempty"`
	// Dir is the working directory; empty: "/".
	Dir string `json:"dir,omitempty"`
	// User is "uid", "uid:gid", "name" or "name:group", looked up in the root's
	// /etc/passwd and /etc/group; empty: 0.
	User string `json:"user,omitempty"`
	// Groups are supplementary groups, beside those that /etc/group gives.
	Groups []uint32 `json:"groups,omitempty"`
	// Capabilities, with or without "CAP_", are what root inside may have and
	// what anybody may gain; none by default. They count inside the user
	// namespace only.
	Capabilities []string `json:"capabilities,omitempty"`
	// DropCapabilities are taken from those that an image's program has by
	// default (Docker's); "ALL" means all of them.
	DropCapabilities []string `json:"dropCapabilities,omitempty"`
	// AmbientCapabilities are given to a user other than root as well.
	AmbientCapabilities []string `json:"ambientCapabilities,omitempty"`
	// NewPrivileges lets set-user-ID programs of a root directory work.
	NewPrivileges bool     `json:"newPrivileges,omitempty"`
	Rlimits       []Rlimit `json:"rlimits,omitempty"`
	// Umask is the file mode creation mask; nil: 022.
	Umask *iofs.FileMode `json:"umask,omitempty"`
	// TTY, when not nil, is the terminal that the process gets, see WithTTY.
	TTY *TTY `json:"tty,omitempty"`
}

// An Rlimit is a resource limit, as setrlimit(2) has it.
type Rlimit struct {
	Resource string `json:"resource"` // "nofile", "core" ...
	Soft     uint64 `json:"soft"`
	Hard     uint64 `json:"hard"`
}

// RlimitInfinity means no limit.
const RlimitInfinity = 1<<64 - 1

// StopPolicy is how Stop ends a sandbox.
type StopPolicy struct {
	// Signal is sent first; 0: SIGTERM.
	Signal syscall.Signal `json:"signal,omitempty"`
	// Grace is how long it may take before everything is killed; 0: 10 s.
	Grace time.Duration `json:"grace,omitempty"`
}

// Docker's values.
const defaultGrace = 10 * time.Second

func (p StopPolicy) signal() syscall.Signal {
	if p.Signal == 0 {
		return syscall.SIGTERM
	}
	return p.Signal
}

func (p StopPolicy) grace() time.Duration {
	if p.Grace == 0 {
		return defaultGrace
	}
	return p.Grace
}

// Droppable names something that BestEffort can let go.
type Droppable string

// What can drop away.
const (
	DropSeccomp  Droppable = "seccomp"
	DropLandlock Droppable = "landlock"
	DropClocks   Droppable = "time namespace"
	DropIDMap    Droppable = "idmapped mounts"
	DropGroups   Droppable = "supplementary groups"
	DropRlimits  Droppable = "resource limits"
	DropCPU      Droppable = "cpu limits"
	DropCPUSet   Droppable = "cpuset"
	DropMemory   Droppable = "memory limits"
	DropPids     Droppable = "pids limit"
	DropIO       Droppable = "io limits"
	DropHugeTLB  Droppable = "hugetlb limits"
	DropDevices  Droppable = "device rules"
	DropUnified  Droppable = "unified cgroup values"
)

// droppables are all of them.
var droppables = []Droppable{
	DropSeccomp, DropLandlock, DropClocks, DropIDMap, DropGroups, DropRlimits,
	DropCPU, DropCPUSet, DropMemory, DropPids, DropIO, DropHugeTLB, DropDevices, DropUnified,
}

// mayDrop tells whether d was made best effort.
func (s *Spec) mayDrop(d Droppable) bool {
	return slices.Contains(s.BestEffort, d)
}

// clone gives a copy that shares nothing with s that can be changed.
func (s *Spec) clone() Spec {
	c := *s
	c.Labels = maps.Clone(s.Labels)
	c.Process.Command = slices.Clone(s.Process.Command)
	c.Process.Entrypoint = slices.Clone(s.Process.Entrypoint)
	c.Process.DropCapabilities = slices.Clone(s.Process.DropCapabilities)
	c.Process.Env = slices.Clone(s.Process.Env)
	c.Process.Groups = slices.Clone(s.Process.Groups)
	c.Process.Capabilities = slices.Clone(s.Process.Capabilities)
	c.Process.AmbientCapabilities = slices.Clone(s.Process.AmbientCapabilities)
	c.Process.Rlimits = slices.Clone(s.Process.Rlimits)
	c.Process.Umask = clonePointer(s.Process.Umask)
	c.Process.TTY = clonePointer(s.Process.TTY)
	c.Image.Platform.OSFeatures = slices.Clone(s.Image.Platform.OSFeatures)
	c.Root.Layers = slices.Clone(s.Root.Layers)
	c.Mounts = slices.Clone(s.Mounts)
	for i := range c.Mounts {
		c.Mounts[i].Content = slices.Clone(s.Mounts[i].Content)
	}
	c.VolumesFrom = slices.Clone(s.VolumesFrom)
	c.Limits = s.Limits.Clone()
	c.MaskedPaths = slices.Clone(s.MaskedPaths)
	c.ReadOnlyPaths = slices.Clone(s.ReadOnlyPaths)
	c.Publish, c.Expose = slices.Clone(s.Publish), slices.Clone(s.Expose)
	c.Namespaces.Clocks = clonePointer(s.Namespaces.Clocks)
	c.Landlock = clonePointer(s.Landlock)
	if c.Landlock != nil {
		c.Landlock.ReadOnly = slices.Clone(s.Landlock.ReadOnly)
		c.Landlock.ReadWrite = slices.Clone(s.Landlock.ReadWrite)
	}
	c.Healthcheck.Test = slices.Clone(s.Healthcheck.Test)
	c.BestEffort = slices.Clone(s.BestEffort)
	return c
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// String is the Spec as JSON.
func (s Spec) String() string {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return "spec: " + err.Error()
	}
	return string(b)
}
