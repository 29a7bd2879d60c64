package cgroup

// Controllers gives the controllers that the limits take: what to put into
// [Config.Reserve] for a group that gets these limits later.
func (l Limits) Controllers() []Controller { return l.needs() }
