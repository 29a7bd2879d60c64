package image

import (
	"maps"
	"slices"
	"strings"
)

// Merge gives the configuration of a sandbox: what the user asks for, and what
// the image c says about the rest, by Docker's rules.
//
// User, working directory, stop signal, shell and stop timeout are the image's
// if the user has none. Ports, labels, volumes and the environment are those of
// both; the user's labels and variables win, and come first. A health check is
// merged field by field. With an entry point of the user the image's command is
// dropped, and an entry point of one empty string means none at all. OnBuild is
// not inherited. The result shares nothing with either.
func (c RunConfig) Merge(user RunConfig) RunConfig {
	m, c := user.clone(), c.clone()
	inherit(&m.User, c.User)
	inherit(&m.WorkingDir, c.WorkingDir)
	inherit(&m.StopSignal, c.StopSignal)
	m.ExposedPorts = union(m.ExposedPorts, c.ExposedPorts)
	m.Labels = union(m.Labels, c.Labels)
	m.Volumes = union(m.Volumes, c.Volumes)
	for _, e := range c.Env {
		if _, ok := lookupEnv(user.Env, envKey(e)); !ok {
			m.Env = append(m.Env, e)
		}
	}
	if len(m.Entrypoint) == 0 {
		if len(m.Cmd) == 0 {
			m.Cmd, m.ArgsEscaped = c.Cmd, c.ArgsEscaped
		}
		if m.Entrypoint == nil {
			m.Entrypoint = c.Entrypoint
		}
	}
	if len(m.Entrypoint) == 1 && m.Entrypoint[0] == "" {
		m.Entrypoint = nil
	}
	m.Healthcheck = c.Healthcheck.merge(m.Healthcheck)
	if m.Shell == nil {
		m.Shell = c.Shell
	}
	if m.StopTimeout == nil {
		m.StopTimeout = c.StopTimeout
	}
	return m
}

// merge gives the user's health check, with what it leaves open from h.
func (h *Healthcheck) merge(user *Healthcheck) *Healthcheck {
	if h == nil || user == nil {
		if user == nil {
			return h
		}
		return user
	}
	if len(user.Test) == 0 {
		user.Test = h.Test
	}
	inherit(&user.Interval, h.Interval)
	inherit(&user.Timeout, h.Timeout)
	inherit(&user.StartPeriod, h.StartPeriod)
	inherit(&user.StartInterval, h.StartInterval)
	inherit(&user.Retries, h.Retries)
	return user
}

// inherit sets what is not set.
func inherit[T comparable](to *T, from T) {
	var zero T
	if *to == zero {
		*to = from
	}
}

// union adds to a what only b has.
func union[V any](a, b map[string]V) map[string]V {
	for k, v := range b {
		if _, ok := a[k]; ok {
			continue
		}
		if a == nil {
			a = make(map[string]V)
		}
		a[k] = v
	}
	return a
}

// clone is a copy that shares nothing with c.
func (c RunConfig) clone() RunConfig {
	c.ExposedPorts, c.Volumes, c.Labels = maps.Clone(c.ExposedPorts), maps.Clone(c.Volumes), maps.Clone(c.Labels)
	c.Env, c.Entrypoint, c.Cmd = slices.Clone(c.Env), slices.Clone(c.Entrypoint), slices.Clone(c.Cmd)
	c.OnBuild, c.Shell = slices.Clone(c.OnBuild), slices.Clone(c.Shell)
	if c.Healthcheck != nil {
		h := *c.Healthcheck
		h.Test = slices.Clone(h.Test)
		c.Healthcheck = &h
	}
	if c.StopTimeout != nil {
		n := *c.StopTimeout
		c.StopTimeout = &n
	}
	return c
}

// envKey is a variable's name.
func envKey(e string) string {
	key, _, _ := strings.Cut(e, "=")
	return key
}

// lookupEnv finds a variable.
func lookupEnv(env []string, key string) (value string, ok bool) {
	for _, e := range env {
		if k, v, _ := strings.Cut(e, "="); k == key {
			return v, true
		}
	}
	return "", false
}
