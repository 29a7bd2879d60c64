package sandbox

import (
	"context"
	"io"
	iofs "io/fs"

	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/transfer"
)

// FS shows the sandbox's files from the start to Close: while it runs, as its
// programs see them, afterwards without what was mounted. It is read-only and
// cannot leave the root, whatever the programs do meanwhile; opening anything
// but regular files and directories fails. Owners (FileInfo.Sys is a
// *syscall.Stat_t) are those inside. It can also be an fs.StatFS, fs.ReadDirFS,
// fs.ReadFileFS and fs.ReadLinkFS. When the sandbox is not there any more, each
// call's error matches [ErrNotRunning] or [ErrClosed].
func (s *Sandbox) FS() iofs.FS { return files{s} }

// files borrows the root for each call.
type files struct{ s *Sandbox }

// inRoot calls f with a view of the root.
func inRoot[T any](s *Sandbox, op, name string, f func(iofs.FS) (T, error)) (T, error) {
	h, err := s.borrow()
	if err != nil {
		var zero T
		return zero, &iofs.PathError{Op: op, Path: name, Err: err}
	}
	defer h.giveBack()
	return f(transfer.NewFS(h.root, h.owners.transferIDs()))
}

// Open opens a regular file or a directory.
func (f files) Open(name string) (iofs.File, error) {
	return inRoot(f.s, "open", name, func(root iofs.FS) (iofs.File, error) { return root.Open(name) })
}

// Stat describes what a path leads to.
func (f files) Stat(name string) (iofs.FileInfo, error) {
	return inRoot(f.s, "stat", name, func(root iofs.FS) (iofs.FileInfo, error) { return iofs.Stat(root, name) })
}

// Lstat describes a path itself.
func (f files) Lstat(name string) (iofs.FileInfo, error) {
	return inRoot(f.s, "lstat", name, func(root iofs.FS) (iofs.FileInfo, error) { return iofs.Lstat(root, name) })
}

// ReadLink reads a symbolic link.
func (f files) ReadLink(name string) (string, error) {
	return inRoot(f.s, "readlink", name, func(root iofs.FS) (string, error) { return iofs.ReadLink(root, name) })
}

// ReadDir lists a directory.
func (f files) ReadDir(name string) ([]iofs.DirEntry, error) {
	return inRoot(f.s, "open", name, func(root iofs.FS) ([]iofs.DirEntry, error) { return iofs.ReadDir(root, name) })
}

// ReadFile reads a whole file.
func (f files) ReadFile(name string) ([]byte, error) {
	return inRoot(f.s, "open", name, func(root iofs.FS) ([]byte, error) { return iofs.ReadFile(root, name) })
}

// CopyTo copies all of src into a directory of the sandbox, which is made when
// only its parent is there, as docker cp does. Links are copied as links,
// everything belongs to the sandbox's user and group 0 (or to the program's user,
// when this is the only one), and a file that is replaced is so at once. Nothing
// outside of the root is written to, whatever the programs do meanwhile. It
// works from the start to Close, also when no program runs any more.
func (s *Sandbox) CopyTo(ctx context.Context, dir string, src iofs.FS) error {
	err := s.withFiles(func(h held) error {
		return h.asRoot(func() error {
			return transfer.CopyIn(ctx, h.root, dir, src, transfer.CopyOptions{IDs: h.owners.transferIDs(), Owner: h.owners.copied})
		})
	})
	return s.wrap("copy to", "", dir, err)
}

// CopyFrom copies a file or directory of the sandbox to a path of the host, as
// docker cp does: into it when that is a directory, and under that name
// otherwise; a path that ends with "/." means what is in the directory. Copies
// belong to the program's own user; set-user-ID bits, devices and sockets are
// left out. Links are copied as links and never followed on the host.
func (s *Sandbox) CopyFrom(ctx context.Context, path, hostPath string) error {
	err := s.withFiles(func(h held) error {
		return transfer.CopyOutTo(ctx, h.root, path, hostPath, transfer.OutOptions{IDs: h.owners.transferIDs()})
	})
	return s.wrap("copy from", "", path, err)
}

// Archive writes a file or directory of the sandbox as a tar, with owners as
// they are inside.
func (s *Sandbox) Archive(ctx context.Context, path string, w io.Writer) error {
	err := s.withFiles(func(h held) error {
		return transfer.CopyOut(ctx, h.root, path, w, transfer.OutOptions{IDs: h.owners.transferIDs()})
	})
	return s.wrap("archive", "", path, err)
}

// withFiles calls f with the files of the sandbox.
func (s *Sandbox) withFiles(f func(held) error) error {
	h, err := s.borrow()
	if err != nil {
		return err
	}
	defer h.giveBack()
	return f(h)
}

// asRoot calls f so that it makes files as the sandbox's root does: an idmapped
// file system takes none of other owners.
func (h held) asRoot(f func() error) error {
	uid, gid, ok := h.owners.root()
	if !ok {
		return f()
	}
	return sys.ActAs(uid, gid, f)
}
