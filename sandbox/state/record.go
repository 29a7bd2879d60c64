package state

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Record is what is known of a sandbox from its creation on. Only Name changes
// later.
type Record struct {
	ID         string            `json:"id"`                   // 64 hex digits; empty: a new one
	Name       string            `json:"name"`                 // empty: a generated one
	Hostname   string            `json:"hostname,omitempty"`   // inside; may be empty
	Image      string            `json:"image,omitempty"`      // as it was asked for
	ImageID    string            `json:"imageID,omitempty"`    // "sha256:" and 64 hex digits; may be empty
	Command    []string          `json:"command,omitempty"`    // program and arguments
	Labels     map[string]string `json:"labels,omitempty"`     //
	Created    time.Time         `json:"created"`              // zero: now
	AutoRemove bool              `json:"autoRemove,omitempty"` // removed when it has ended
	Restart    Restart           `json:"restart,omitzero"`     //
	Ports      []Port            `json:"ports,omitempty"`      // exposed and published; Status.Ports are in force
	Mounts     []Mount           `json:"mounts,omitempty"`     //
	Networks   []Network         `json:"networks,omitempty"`   //
	Spec       json.RawMessage   `json:"-"`                    // whatever the creator needs; nil in lists
}

// The names of restart policies.
const (
	RestartNo            = "no"
	RestartAlways        = "always"
	RestartOnFailure     = "on-failure"
	RestartUnlessStopped = "unless-stopped"
)

// Restart says when a sandbox that has ended is started again. The zero value
// is RestartNo.
type Restart struct {
	Policy     string `json:"policy,omitempty"`
	MaxRetries int    `json:"maxRetries,omitempty"` // with on-failure only; 0: no limit
}

// Port is a port of a sandbox.
type Port struct {
	HostIP   string `json:"hostIP,omitempty"`   // where it is published
	HostPort uint16 `json:"hostPort,omitempty"` // 0: only exposed, or not chosen yet
	Port     uint16 `json:"port"`               // inside
	Protocol string `json:"protocol"`           // tcp, udp, sctp
}

// Mount is something mounted into a sandbox.
type Mount struct {
	Type     string `json:"type"`           // bind, volume, tmpfs ...
	Name     string `json:"name,omitempty"` // of a volume
	Source   string `json:"source,omitempty"`
	Target   string `json:"target"` // path inside
	ReadOnly bool   `json:"readOnly,omitempty"`
	// What else it takes to mount the same again.
	Subpath    string `json:"subpath,omitempty"`
	Flat       bool   `json:"flat,omitempty"`
	NoExec     bool   `json:"noExec,omitempty"`
	HostOwners bool   `json:"hostOwners,omitempty"`
}

// Network is a network that a sandbox is part of.
type Network struct {
	Name string `json:"name"`
	ID   string `json:"id,omitempty"`
}

// longestSpec bounds what a record may carry, and longestRecord the rest.
const (
	longestSpec   = 16 << 20
	longestRecord = 1 << 20
)

// check finds what makes no sense in a complete record.
func (r *Record) check() error {
	if !isID(r.ID) {
		return &InvalidError{"ID", r.ID, "it is not 64 lower-case hex digits"}
	}
	if name, err := ParseName(r.Name); err != nil {
		return err
	} else if name != r.Name {
		return &InvalidError{"Name", r.Name, "it begins with a slash"}
	}
	if r.Created.IsZero() || !storable(r.Created) {
		return &InvalidError{"Created", r.Created.String(), "it is out of range"}
	}
	for key := range r.Labels {
		if key == "" {
			return &InvalidError{"Labels", key, "a label has no name"}
		}
	}
	for _, p := range r.Ports {
		if err := p.check(); err != nil {
			return err
		}
	}
	if len(r.Spec) > longestSpec || r.Spec != nil && !json.Valid(r.Spec) {
		return &InvalidError{"Spec", clip(string(r.Spec), 40), "it is no JSON, or too long"}
	}
	return r.Restart.check(r.AutoRemove)
}

func (p Port) check() error {
	if p.Port == 0 || !slices.Contains([]string{"tcp", "udp", "sctp"}, p.Protocol) {
		return &InvalidError{"Ports", strconv.Itoa(int(p.Port)) + "/" + p.Protocol, "it is no port of tcp, udp or sctp"}
	}
	return nil
}

func (r Restart) check(autoRemove bool) error {
	switch r.Policy {
	case "", RestartNo, RestartAlways, RestartUnlessStopped:
		if r.MaxRetries != 0 {
			return &InvalidError{"Restart.MaxRetries", strconv.Itoa(r.MaxRetries), "only " + RestartOnFailure + " has a limit"}
		}
	case RestartOnFailure:
		if r.MaxRetries < 0 {
			return &InvalidError{"Restart.MaxRetries", strconv.Itoa(r.MaxRetries), "it is negative"}
		}
	default:
		return &InvalidError{"Restart.Policy", r.Policy, "it is none of no, on-failure, always and unless-stopped"}
	}
	if autoRemove && r.Policy != "" && r.Policy != RestartNo {
		return &InvalidError{"Restart.Policy", r.Policy, "what is removed when it ends cannot be restarted"}
	}
	return nil
}

// storable tells whether JSON can hold a time.
func storable(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }

// clone copies a record, so that nobody changes another's.
func (r Record) clone() Record {
	r.Command = slices.Clone(r.Command)
	r.Labels = maps.Clone(r.Labels)
	r.Ports = slices.Clone(r.Ports)
	r.Mounts = slices.Clone(r.Mounts)
	r.Networks = slices.Clone(r.Networks)
	r.Spec = slices.Clone(r.Spec)
	return r
}

// commandText is the command as docker ps shows it: arguments with spaces are
// in single quotes.
func (r *Record) commandText() string {
	var b strings.Builder
	for i, arg := range r.Command {
		switch {
		case i == 0:
			b.WriteString(arg)
		case strings.Contains(arg, " "):
			b.WriteString(" '" + arg + "'")
		default:
			b.WriteString(" " + arg)
		}
	}
	return b.String()
}
