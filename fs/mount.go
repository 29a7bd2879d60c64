package fs

import (
	"fmt"
	iofs "io/fs"
)

// Type is a kind of mount.
type Type string

// The types of mounts.
const (
	TypeBind  Type = "bind"  // a file or directory of the host
	TypeTmpfs Type = "tmpfs" // an empty file system in memory
	TypeFile  Type = "file"  // a file with given content, in memory
	// TypeVolume is a directory that outlives sandboxes; see [Volume].
	TypeVolume Type = "volume"
)

// A Mount is something that appears at Target inside the sandbox. Make one
// with [Bind], [BindRO], [Tmpfs], [File], [Volume] or [Anonymous], or read one with
// [ParseVolume] or [ParseMount], and change fields as needed.
// Set-user-ID bits and device nodes are never honoured in a mount.
type Mount struct {
	Type Type `json:"type"`
	// Source is an absolute path on the host, for a bind mount. It is opened
	// once, when the sandbox starts.
	Source string `json:"source,omitempty"`
	// Target is an absolute path inside. Missing directories are made; a
	// symbolic link is followed inside the root.
	Target string `json:"target"`
	// ReadOnly forbids writing, also in what is mounted below Source
	// (mount_setattr with AT_RECURSIVE, Linux 5.12).
	ReadOnly bool `json:"readOnly,omitempty"`
	// Flat leaves out what is mounted below Source.
	Flat bool `json:"flat,omitempty"`
	// NoExec forbids to execute files.
	NoExec bool `json:"noExec,omitempty"`
	// HostOwners shows the host's user and group ids as they are seen from the
	// sandbox's user namespace, mostly "nobody". Otherwise a bind mount is
	// idmapped: what belongs to the host's user 0 belongs to the sandbox's.
	// Idmapped mounts need root, Linux 5.12, and a file system that can.
	HostOwners bool `json:"hostOwners,omitempty"`
	// Size limits a tmpfs, in bytes; 0 means DefaultTmpfsSize.
	Size int64 `json:"size,omitempty"`
	// Mode is the permission of a tmpfs's directory (0 means 1777) or of a
	// file (0 means 0644).
	Mode iofs.FileMode `json:"mode,omitempty"`
	// UID and GID own a tmpfs or a file, as ids inside the sandbox.
	UID uint32 `json:"uid,omitempty"`
	GID uint32 `json:"gid,omitempty"`
	// Content is what is in a file.
	Content []byte `json:"content,omitempty"`
	// Name is a volume's; empty: a new one, which goes with the sandbox.
	Name string `json:"name,omitempty"`
	// NoCopy leaves an empty volume empty. Otherwise it gets, at its first use,
	// what the root has at Target.
	NoCopy bool `json:"noCopy,omitempty"`
	// Subpath is a directory or file in a volume that is mounted in place of all
	// of it, a relative path; it must be there. Links in it do not lead out.
	Subpath string `json:"subpath,omitempty"`
	// CreateSource makes the directory Source of a bind mount, and those that lead
	// to it, if it is not there, as docker run -v does.
	CreateSource bool `json:"createSource,omitempty"`
}

// DefaultTmpfsSize is the limit of a tmpfs for which no size was given, as
// Docker has it for /dev/shm.
const DefaultTmpfsSize = 64 << 20

// Bind shows a file or directory of the host, with all that is mounted below
// it, for reading and writing.
func Bind(source, target string) Mount {
	return Mount{Type: TypeBind, Source: source, Target: target}
}

// BindRO is [Bind] for reading only.
func BindRO(source, target string) Mount {
	return Mount{Type: TypeBind, Source: source, Target: target, ReadOnly: true}
}

// Tmpfs gives an empty directory in memory that everybody may write to and
// that takes at most size bytes (0: DefaultTmpfsSize). Its pages count as the
// sandbox's memory.
func Tmpfs(target string, size int64) Mount {
	return Mount{Type: TypeTmpfs, Target: target, Size: size}
}

// File gives a file with this content. In a root that is not written to the
// host it is an ordinary file, elsewhere it is mounted over what is there.
func File(target string, mode iofs.FileMode, content []byte) Mount {
	return Mount{Type: TypeFile, Target: target, Mode: mode, Content: content}
}

// String shows the mount on one line.
func (m Mount) String() string {
	s := fmt.Sprintf("%s %s", m.Type, m.Target)
	switch m.Type {
	case TypeBind:
		s = fmt.Sprintf("%s %s on %s", m.Type, m.Source, m.Target)
	case TypeTmpfs:
		s += fmt.Sprintf(" (%d bytes)", m.size())
	case TypeFile:
		s += fmt.Sprintf(" (%d bytes)", len(m.Content))
	case TypeVolume:
		s = m.volumeString()
	}
	if m.ReadOnly {
		s += ", read-only"
	}
	if m.Flat {
		s += ", flat"
	}
	if m.NoExec {
		s += ", no exec"
	}
	return s
}

func (m Mount) size() int64 {
	if m.Size == 0 {
		return DefaultTmpfsSize
	}
	return m.Size
}

func (m Mount) mode() iofs.FileMode {
	switch {
	case m.Mode != 0:
		return m.Mode
	case m.Type == TypeTmpfs:
		return 0o777 | iofs.ModeSticky
	}
	return 0o644
}
