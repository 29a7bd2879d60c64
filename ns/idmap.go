package ns

import (
	"fmt"
	"strings"
)

// A Range maps Count ids that start with Inside, in a user namespace, to as
// many that start with Outside, in its parent.
type Range struct {
	Inside  uint32 `json:"inside"`
	Outside uint32 `json:"outside"`
	Count   uint32 `json:"count"`
}

// String is "inside:outside:count".
func (r Range) String() string { return fmt.Sprintf("%d:%d:%d", r.Inside, r.Outside, r.Count) }

// A Mapping is what a user namespace makes of user and group ids.
type Mapping struct {
	UIDs []Range `json:"uids"`
	GIDs []Range `json:"gids"`
	// DenyGroups forbids setgroups(2) inside, which the kernel demands for a
	// group mapping that an ordinary user writes.
	DenyGroups bool `json:"denyGroups,omitempty"`
}

// SingleMapping maps one user and one group.
func SingleMapping(insideUID, insideGID, outsideUID, outsideGID uint32) Mapping {
	return Mapping{
		UIDs:       []Range{{insideUID, outsideUID, 1}},
		GIDs:       []Range{{insideGID, outsideGID, 1}},
		DenyGroups: true,
	}
}

// BlockMapping maps count users and groups, from 0 on inside.
func BlockMapping(outside, count uint32) Mapping {
	r := []Range{{0, outside, count}}
	return Mapping{UIDs: r, GIDs: r}
}

// UIDOutside gives the user id in the parent namespace for one inside.
func (m Mapping) UIDOutside(inside uint32) (uint32, bool) { return outside(m.UIDs, inside) }

// GIDOutside gives the group id in the parent namespace for one inside.
func (m Mapping) GIDOutside(inside uint32) (uint32, bool) { return outside(m.GIDs, inside) }

// UIDInside gives the user id inside for one of the parent namespace.
func (m Mapping) UIDInside(outside uint32) (uint32, bool) { return inside(m.UIDs, outside) }

// GIDInside gives the group id inside for one of the parent namespace.
func (m Mapping) GIDInside(outside uint32) (uint32, bool) { return inside(m.GIDs, outside) }

func inside(ranges []Range, id uint32) (uint32, bool) {
	for _, r := range ranges {
		if id >= r.Outside && id-r.Outside < r.Count {
			return r.Inside + (id - r.Outside), true
		}
	}
	return 0, false
}

func outside(ranges []Range, id uint32) (uint32, bool) {
	for _, r := range ranges {
		if id >= r.Inside && id-r.Inside < r.Count {
			return r.Outside + (id - r.Inside), true
		}
	}
	return 0, false
}

// String shows both maps.
func (m Mapping) String() string {
	return "uids " + join(m.UIDs, " ") + ", gids " + join(m.GIDs, " ")
}

func join(ranges []Range, sep string) string {
	parts := make([]string, len(ranges))
	for i, r := range ranges {
		parts[i] = r.String()
	}
	return strings.Join(parts, sep)
}

// file is the content of /proc/PID/uid_map or gid_map.
func file(ranges []Range) string {
	var b strings.Builder
	for _, r := range ranges {
		fmt.Fprintf(&b, "%d %d %d\n", r.Inside, r.Outside, r.Count)
	}
	return b.String()
}
