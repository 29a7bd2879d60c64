package image

import "time"

type CommitOptions struct {
	Ref             Ref
	Author, Message string
	Changes         []string
	NoPause         bool
	Created         time.Time
	Compression     Compression
}

func (c RunConfig) Merge(user RunConfig) RunConfig {
	m := c
	if user.User != "" {
		m.User = user.User
	}
	if user.WorkingDir != "" {
		m.WorkingDir = user.WorkingDir
	}
	m.Env = append(append([]string{}, c.Env...), user.Env...)
	if len(user.Entrypoint) > 0 {
		m.Entrypoint = user.Entrypoint
		m.Cmd = nil
		if user.Entrypoint[0] == "" {
			m.Entrypoint = nil
		}
	}
	if len(user.Cmd) > 0 {
		m.Cmd = user.Cmd
	}
	return m
}
func (c *RunConfig) Apply(changes []string) error { return nil }
