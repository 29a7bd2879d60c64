package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/sandkit/sandkit/internal/launch"
	"github.com/sandkit/sandkit/ns"
)

// users is how user ids of sandboxes relate to the host's.
type users struct {
	// outer maps the ids that process 1 uses to those of the host program. It
	// is nil for root, whose process 1 uses the host's ids.
	outer *ns.Mapping
	// inner maps ids inside to those that process 1 uses.
	inner ns.Mapping
	// single tells that inside there is just one user and one group.
	single bool
	// block holds the reservation of root's ids.
	block *ns.Block
}

// owned is a user namespace of the host program that sandboxes refer to.
type owned struct {
	users
	file *os.File // the namespace
}

// hostUsers holds the host program's user namespace for sandboxes, made at
// the first start: as root the one of the private id block, which idmapped
// mounts refer to; otherwise the one in which process 1 becomes root. It is a
// cache, not configuration: one block of ids and one descriptor serve all
// sandboxes of the program, until it ends.
var hostUsers struct {
	sync.Mutex
	made *owned
}

// ownUsers gives the host program's user namespace.
func ownUsers(ctx context.Context, privileged bool) (*owned, error) {
	hostUsers.Lock()
	defer hostUsers.Unlock()
	if hostUsers.made != nil {
		return hostUsers.made, nil
	}
	u, err := planUsers(privileged)
	if err != nil {
		return nil, err
	}
	o := &owned{users: u}
	if o.file, err = newUserNamespace(ctx, u.namespace()); err != nil {
		if u.block != nil {
			err = errors.Join(err, u.block.Close())
		}
		return nil, err
	}
	hostUsers.made = o
	return o, nil
}

// namespace is the mapping of the namespace that the host program holds.
func (u users) namespace() ns.Mapping {
	if u.outer != nil {
		return *u.outer
	}
	return u.inner
}

// planUsers reserves ids for root, and finds out what an ordinary user may map.
func planUsers(privileged bool) (users, error) {
	if !privileged {
		return ordinaryUsers(), nil
	}
	block, err := ns.ReserveBlock()
	if err != nil {
		return users{}, err
	}
	return users{inner: block.Mapping(), block: block}, nil
}

// ordinaryUsers maps subordinate ids where there are any, and otherwise one
// user, who can have any id inside.
func ordinaryUsers() users {
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	subUIDs, subGIDs, ok := ns.SubIDs()
	if !ok || !ns.HaveIDMapTools() {
		single := ns.SingleMapping(0, 0, uid, gid)
		return users{outer: &single, inner: ns.SingleMapping(0, 0, 0, 0), single: true}
	}
	outer := ns.RangedMapping(uid, gid, subUIDs, subGIDs)
	return users{outer: &outer, inner: ns.Mapping{
		UIDs: []ns.Range{{Count: subUIDs.Count + 1}},
		GIDs: []ns.Range{{Count: subGIDs.Count + 1}},
	}}
}

// as adapts a mapping of just one id to the user inside.
func (u users) as(uid, gid uint32) ns.Mapping {
	if !u.single {
		return u.inner
	}
	m := ns.SingleMapping(uid, gid, 0, 0)
	m.DenyGroups = false // inherited from the outer one, which denies them
	return m
}

// newUserNamespace makes a mapped user namespace that lives as long as the
// file is open. The caller closes it.
func newUserNamespace(ctx context.Context, m ns.Mapping) (*os.File, error) {
	p, err := launch.Start(ctx, ns.NewUser(), launch.Options{})
	if err != nil {
		return nil, fmt.Errorf("make user namespace: %w", err)
	}
	err = m.Write(ctx, p.PID())
	var f *os.File
	if err == nil {
		f, err = ns.OfPID(p.PID()).Open(ns.User)
	}
	kill := p.Kill()
	_, wait := p.Wait()
	if err := errors.Join(err, kill, wait); err != nil {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
		return nil, fmt.Errorf("make user namespace: %w", err)
	}
	return f, nil
}
