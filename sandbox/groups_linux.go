package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/internal/launch"
)

// hostGroups holds what the host program has of the cgroup hierarchies: a tree
// for each parent, from the first sandbox to the last. It is a cache, not
// configuration.
var hostGroups struct {
	sync.Mutex
	host  *cgroup.Host
	trees map[string]*sharedTree
	files map[string]int // that a room has, by its kind's key
}

// sharedTree is used by sandboxes, and by launchers that are parked in it.
type sharedTree struct {
	*cgroup.Tree
	parent string
	users  int
	shared bool // with monitors, which have groups in it
}

// acquireTree gives the host program's tree below a parent. The first time, it
// removes what host programs left there that were killed.
func acquireTree(ctx context.Context, parent string) (*sharedTree, error) {
	h := &hostGroups
	h.Lock()
	defer h.Unlock()
	if t := h.trees[parent]; t != nil {
		t.users++
		return t, nil
	}
	if h.host == nil {
		host, err := cgroup.Detect()
		if err != nil {
			return nil, err
		}
		h.host, h.trees = host, make(map[string]*sharedTree)
	}
	// What others left behind is no reason not to start.
	_, _ = h.host.Collect(ctx, parent)
	tree, err := h.host.Claim(ctx, parent)
	if err != nil {
		if len(h.trees) == 0 {
			h.host = nil // looked at anew next time: the program may be in another group then
		}
		return nil, err
	}
	t := &sharedTree{Tree: tree, parent: parent, users: 1}
	h.trees[parent] = t
	return t, nil
}

// release removes the tree when nobody uses it any more.
func (t *sharedTree) release() error {
	if t == nil { // it is another program's
		return nil
	}
	h := &hostGroups
	h.Lock()
	defer h.Unlock()
	if t.users--; t.users > 0 {
		return nil
	}
	if t.shared {
		return t.Leave()
	}
	delete(h.trees, t.parent)
	return t.Close()
}

// room is the cgroup of one sandbox.
type room struct {
	tree  *sharedTree
	group *cgroup.Group
}

// Open gives what a launcher needs to be in it.
func (r *room) Open() (*os.File, []*os.File, error) { return r.group.Entrance() }

// Discard removes it. No process is left in it.
func (r *room) Discard() error {
	return errors.Join(r.group.Remove(context.Background()), r.tree.release())
}

// roomKind says what rooms are like. They are made without limits, so that
// launchers can be parked in them.
type roomKind struct {
	parent  string
	reserve []cgroup.Controller
	later   []cgroup.Controller
	asked   bool // somebody asked for limits
	// devices are limited from the beginning: on v1 all are refused for a moment
	// while rules change, and the launcher makes nodes.
	devices []cgroup.DeviceRule
	best    cgroup.BestEffort
}

func newRoomKind(s *Spec) roomKind {
	l := s.groupLimits(s.Limits, 0)
	k := roomKind{
		parent: s.CgroupParent, reserve: l.Controllers(), asked: s.limited(), best: s.droppableLimits(),
		later: []cgroup.Controller{cgroup.Core}, devices: l.Devices,
	}
	if !k.asked {
		k.best = append(k.best, "Pids")
		k.later = append(k.later, cgroup.Memory, cgroup.CPU, cgroup.Accounting, cgroup.IO)
	}
	return k
}

func (k roomKind) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %v %v %v %v %v", k.parent, k.reserve, k.later, k.best, k.devices == nil, k.devices)
	return b.String()
}

// make makes a room.
func (k roomKind) make(ctx context.Context) (*room, error) {
	tree, err := acquireTree(ctx, k.parent)
	if err != nil {
		return nil, err
	}
	group, err := tree.Create(ctx, cgroup.Config{
		Name: shortID(newID()), Reserve: k.reserve, Later: k.later, BestEffort: k.best, Limits: cgroup.Limits{Devices: k.devices},
	})
	if err != nil {
		return nil, errors.Join(err, tree.release()) //nolint:contextcheck // removed also when ctx has ended
	}
	return &room{tree, group}, nil
}

// noRooms says that this host gives no rooms of a kind.
const noRooms = -1

// rooms prepares rooms of the kind; nil when nobody asked for limits and the
// host has no cgroups for this program.
func (k roomKind) rooms(ctx context.Context) (*launch.Rooms, error) {
	key := k.key()
	hostGroups.Lock()
	files, known := hostGroups.files[key]
	hostGroups.Unlock()
	if !known {
		var err error
		if files, err = k.probe(ctx); err != nil {
			return nil, err
		}
		hostGroups.Lock()
		if hostGroups.files == nil {
			hostGroups.files = make(map[string]int)
		}
		hostGroups.files[key] = files
		hostGroups.Unlock()
	}
	if files == noRooms {
		return nil, nil
	}
	return &launch.Rooms{Key: key, Files: files, New: func() (launch.Room, error) { //nolint:contextcheck // parked when Start has returned
		r, err := k.make(context.Background())
		if err != nil {
			return nil, &groupError{err}
		}
		return r, nil
	}}, nil
}

// probe makes a room to see how many files it has.
func (k roomKind) probe(ctx context.Context) (int, error) {
	r, err := k.make(ctx)
	if err != nil && !k.asked && ctx.Err() == nil {
		return noRooms, nil
	}
	if err != nil {
		return 0, err
	}
	dir, files, err := r.Open()
	for _, f := range append(slices.Clip(files), dir) {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return len(files), errors.Join(err, r.Discard()) //nolint:contextcheck // removed also when ctx has ended
}
