package sandbox

import (
	iofs "io/fs"

	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/internal/transfer"
	"github.com/sandkit/sandkit/ns"
)

// owners says which ids the host has for those inside. The zero value means the
// same ones.
type owners struct {
	// inner maps ids inside to those of process 1, outer these to the host's; nil
	// changes nothing.
	inner, outer *ns.Mapping
}

// owners are those of the sandbox's files.
func (b *builder) owners() owners {
	if b.spec.HostUsers {
		return owners{}
	}
	m := b.users.as(b.who.UID, b.who.GID)
	return owners{&m, b.users.outer}
}

// root is who the sandbox's user and group 0 are on a host where this program
// may be anybody; otherwise false.
func (o owners) root() (uid, gid uint32, ok bool) {
	if o.inner == nil || o.outer != nil {
		return 0, 0, false
	}
	uid, ok1 := o.inner.UIDOutside(0)
	gid, ok2 := o.inner.GIDOutside(0)
	return uid, gid, ok1 && ok2
}

// copied is to whom files inside belong that are copied in: user and group 0, or
// the only ones that there are.
func (o owners) copied(iofs.FileInfo) (uid, gid uint32) {
	if o.inner == nil {
		return 0, 0
	}
	if _, ok := o.inner.UIDOutside(0); !ok {
		uid = o.inner.UIDs[0].Inside
	}
	if _, ok := o.inner.GIDOutside(0); !ok {
		gid = o.inner.GIDs[0].Inside
	}
	return uid, gid
}

// transferIDs gives them for copies.
func (o owners) transferIDs() transfer.IDs {
	if o.inner == nil {
		return transfer.IDs{}
	}
	pass := func(id uint32) (uint32, bool) { return id, true }
	chain := func(first, second func(uint32) (uint32, bool)) func(uint32) (uint32, bool) {
		return func(id uint32) (uint32, bool) {
			id, ok := first(id)
			if !ok {
				return 0, false
			}
			return second(id)
		}
	}
	uid, gid, uidIn, gidIn := pass, pass, pass, pass
	if o.outer != nil {
		uid, gid, uidIn, gidIn = o.outer.UIDOutside, o.outer.GIDOutside, o.outer.UIDInside, o.outer.GIDInside
	}
	return transfer.IDs{
		Outside: transfer.IDMap{UID: chain(o.inner.UIDOutside, uid), GID: chain(o.inner.GIDOutside, gid)},
		Inside:  transfer.IDMap{UID: chain(uidIn, o.inner.UIDInside), GID: chain(gidIn, o.inner.GIDInside)},
	}
}

// layerIDs gives them for layers.
func (o owners) layerIDs() (uids, gids []layer.IDRange) {
	if o.inner == nil {
		return nil, nil
	}
	if o.outer == nil {
		return idRanges(o.inner.UIDs, nil), idRanges(o.inner.GIDs, nil)
	}
	return idRanges(o.inner.UIDs, o.outer.UIDs), idRanges(o.inner.GIDs, o.outer.GIDs)
}

// idRanges joins two maps; outer is nil for none.
func idRanges(inner, outer []ns.Range) []layer.IDRange {
	var all []layer.IDRange
	for _, i := range inner {
		if outer == nil {
			all = append(all, layer.IDRange{Inside: i.Inside, Outside: i.Outside, Count: i.Count})
			continue
		}
		for _, o := range outer {
			low := max(i.Outside, o.Inside)
			high := min(uint64(i.Outside)+uint64(i.Count), uint64(o.Inside)+uint64(o.Count))
			if uint64(low) < high {
				all = append(all, layer.IDRange{Inside: i.Inside + low - i.Outside, Outside: o.Outside + low - o.Inside, Count: uint32(high - uint64(low))})
			}
		}
	}
	return all
}
