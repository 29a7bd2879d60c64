package state

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// The shape of docker inspect, as far as records tell.
type inspection struct {
	ID              string `json:"Id"`
	Created         time.Time
	Path            string
	Args            []string
	State           inspectedState
	Image           string
	Name            string
	RestartCount    int
	Mounts          []inspectedMount
	Config          inspectedConfig
	HostConfig      inspectedHostConfig
	NetworkSettings inspectedNetwork
}

type inspectedState struct {
	Status                                       State
	Running, Paused, Restarting, OOMKilled, Dead bool
	Pid, ExitCode                                int
	Error                                        string
	StartedAt, FinishedAt                        time.Time
	NextRestartAt                                *time.Time       `json:",omitempty"`
	Health                                       *inspectedHealth `json:",omitempty"`
}

type inspectedHealth struct{ Status string }

type inspectedMount struct {
	Type                string
	Name                string `json:",omitempty"`
	Source, Destination string
	RW                  bool
}

type inspectedConfig struct {
	Hostname string
	Image    string
	Cmd      []string
	Labels   map[string]string
}

type inspectedHostConfig struct {
	RestartPolicy struct {
		Name              string
		MaximumRetryCount int
	}
	AutoRemove bool
}

type inspectedNetwork struct {
	Ports    map[string][]inspectedBinding
	Networks map[string]inspectedEndpoint
}

type inspectedBinding struct{ HostIp, HostPort string }

type inspectedEndpoint struct{ NetworkID string }

// Inspect gives what is known as JSON, an object with the names that docker
// inspect uses, so that who decodes those can decode it. NextRestartAt is new.
func (v View) Inspect() ([]byte, error) {
	r, st := &v.Record, &v.Status
	image := r.ImageID
	if image == "" {
		image = r.Image
	}
	in := inspection{
		ID: r.ID, Created: r.Created, Args: []string{}, State: st.inspect(), Image: image, Name: "/" + r.Name,
		RestartCount: st.RestartCount, Mounts: []inspectedMount{},
		Config:          inspectedConfig{Hostname: r.Hostname, Image: r.Image, Cmd: r.Command, Labels: r.Labels},
		HostConfig:      inspectedHostConfig{AutoRemove: r.AutoRemove},
		NetworkSettings: v.inspectNetwork(),
	}
	if len(r.Command) > 0 {
		in.Path, in.Args = r.Command[0], append(in.Args, r.Command[1:]...)
	}
	if in.Config.Labels == nil {
		in.Config.Labels = map[string]string{}
	}
	in.HostConfig.RestartPolicy.Name, in.HostConfig.RestartPolicy.MaximumRetryCount = r.Restart.Policy, r.Restart.MaxRetries
	if r.Restart.Policy == "" {
		in.HostConfig.RestartPolicy.Name = RestartNo
	}
	for _, m := range r.Mounts {
		in.Mounts = append(in.Mounts, inspectedMount{m.Type, m.Name, m.Source, m.Target, !m.ReadOnly})
	}
	b, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("inspect sandbox %s: %w", ShortID(r.ID), err)
	}
	return b, nil
}

func (s *Status) inspect() inspectedState {
	st := inspectedState{
		Status: s.State, Running: s.State.live(), Paused: s.State == Paused, Restarting: s.State == Restarting,
		OOMKilled: s.OOMKilled, Dead: s.State == Dead, Pid: s.PID, ExitCode: s.ExitCode, Error: s.Error,
		StartedAt: s.Started, FinishedAt: s.Finished,
	}
	if !s.NextRestartAt.IsZero() {
		st.NextRestartAt = &s.NextRestartAt
	}
	if s.Health != "" {
		st.Health = &inspectedHealth{s.Health}
	}
	return st
}

func (v *View) inspectNetwork() inspectedNetwork {
	n := inspectedNetwork{Ports: map[string][]inspectedBinding{}, Networks: map[string]inspectedEndpoint{}}
	for _, p := range v.ports() {
		key := strconv.Itoa(int(p.Port)) + "/" + p.Protocol
		if host := p.address(); host == "" {
			n.Ports[key] = slices.Clip(n.Ports[key]) // null: only exposed
		} else {
			n.Ports[key] = append(n.Ports[key], inspectedBinding{host, strconv.Itoa(int(p.HostPort))})
		}
	}
	for _, net := range v.Record.Networks {
		n.Networks[net.Name] = inspectedEndpoint{net.ID}
	}
	return n
}
