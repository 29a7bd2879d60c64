package program

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/sandkit/sandkit/internal/sys"
)

// OpenTree copies the mount at path, and with recursive all below it, into a
// detached mount (open_tree with OPEN_TREE_CLONE, Linux 5.2). An empty path
// means the descriptor itself.
func (s *Sequence) OpenTree(dir FD, path string, recursive bool) FD {
	flags := sys.OPEN_TREE_CLONE | sys.OPEN_TREE_CLOEXEC
	if recursive {
		flags |= sys.AT_RECURSIVE
	}
	if path == "" {
		flags |= sys.AT_EMPTY_PATH
	}
	return s.fd(call(sys.CallOpenTree, dir.arg(), text(path), bits(flags, treeFlags)))
}

// MoveMount attaches a detached mount to a path, or to the descriptor dir
// itself when the path is empty (Linux 5.2).
func (s *Sequence) MoveMount(mount, dir FD, path string) Ref {
	flags := sys.MOVE_MOUNT_F_EMPTY_PATH
	if path == "" {
		flags |= sys.MOVE_MOUNT_T_EMPTY_PATH
	}
	return s.add(call(sys.CallMoveMount, mount.arg(), text(""), dir.arg(), text(path), bits(flags, moveFlags)))
}

// MountAttr is struct mount_attr: properties of a mount to set.
type MountAttr struct {
	Set         uint64 // MOUNT_ATTR_*
	Propagation uint64 // MS_PRIVATE, MS_SLAVE; 0 leaves it
	UserNS      FD     // for MOUNT_ATTR_IDMAP; a passed descriptor
}

func (a MountAttr) object() *Object {
	b := make([]byte, 0, 32)
	b = binary.NativeEndian.AppendUint64(b, a.Set)
	b = binary.NativeEndian.AppendUint64(b, 0)
	b = binary.NativeEndian.AppendUint64(b, a.Propagation)
	var t []string
	if a.Set != 0 {
		t = append(t, "set="+printFlags(a.Set, attrFlags))
	}
	if a.Propagation != 0 {
		t = append(t, "propagation="+printFlags(a.Propagation, []flag{{sys.MS_PRIVATE, "MS_PRIVATE"}, {sys.MS_SLAVE, "MS_SLAVE"}}))
	}
	user := uint64(0)
	if a.Set&sys.MOUNT_ATTR_IDMAP != 0 {
		if a.UserNS.num < 0 {
			panic("BUG: the user namespace of an idmapped mount is not passed with the prelude")
		}
		user = uint64(a.UserNS.num)
		t = append(t, fmt.Sprintf("userns=%d", user))
	}
	b = binary.NativeEndian.AppendUint64(b, user)
	return &Object{Bytes: b, Text: "{" + strings.Join(t, ", ") + "}"}
}

// MountSetattr changes a mount, and with recursive all below it (mount_setattr,
// Linux 5.12).
func (s *Sequence) MountSetattr(dir FD, path string, recursive bool, a MountAttr) Ref {
	flags := 0
	if path == "" {
		flags |= sys.AT_EMPTY_PATH
	}
	if recursive {
		flags |= sys.AT_RECURSIVE
	}
	o := a.object()
	st := call(sys.CallMountSetattr, dir.arg(), text(path), bits(flags, treeFlags), object(o), integer(len(o.Bytes)))
	st.idmaps = a.Set&sys.MOUNT_ATTR_IDMAP != 0
	return s.add(st)
}

// Option is a parameter of a new file system; an empty Value makes it a flag.
type Option struct{ Key, Value string }

// NewMount makes a file system and a detached mount of it (fsopen, fsconfig,
// fsmount; Linux 5.2).
func (s *Sequence) NewMount(fstype string, attr uint64, options ...Option) FD {
	ctx := s.fd(call(sys.CallFsopen, text(fstype), bits(sys.FSOPEN_CLOEXEC, fsopenFlags)))
	for _, o := range options {
		cmd, value := sys.FSCONFIG_SET_STRING, text(o.Value)
		if o.Value == "" {
			cmd, value = sys.FSCONFIG_SET_FLAG, null()
		}
		s.add(call(sys.CallFsconfig, ctx.arg(), bits(cmd, fsconfigNames), text(o.Key), value, integer(0)))
	}
	s.add(call(sys.CallFsconfig, ctx.arg(), bits(sys.FSCONFIG_CMD_CREATE, fsconfigNames), null(), null(), integer(0)))
	m := s.fd(call(sys.CallFsmount, ctx.arg(), bits(sys.FSMOUNT_CLOEXEC, fsmountFlags), bits(int(attr), attrFlags)))
	s.Close(ctx)
	return m
}

// PivotRoot makes newRoot the root and puts the old one at putOld.
func (s *Sequence) PivotRoot(newRoot, putOld string) Ref {
	return s.add(call(sys.CallPivotRoot, text(newRoot), text(putOld)))
}

// Detach takes the mount at path and all below it out of sight (umount2 with
// MNT_DETACH).
func (s *Sequence) Detach(path string) Ref {
	return s.add(call(sys.CallUmount2, text(path), bits(sys.MNT_DETACH, umountFlags)))
}
