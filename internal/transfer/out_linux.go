package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/sandkit/sandkit/internal/safepath"
	"github.com/sandkit/sandkit/internal/sys"
)

// CopyOut writes a tar of what is at a path inside the root, as "docker cp
// PATH -" does: names start with the path's last component, or with "." for
// the root and for a path that ends with "/.", which is what is in a
// directory. A symbolic link at the end is followed with o.FollowLinks, or
// when there is a slash behind it; those on the way always are, inside the
// root.
//
// Files with several names are hard links in the tar. Sockets are skipped.
// A file that becomes shorter while it is read is an error ([ErrChanged]); of
// one that grows, the tar has what there was at first.
func CopyOut(ctx context.Context, root *os.File, path string, w io.Writer, o OutOptions) error {
	if err := copyOut(ctx, root, path, w, o); err != nil {
		return fmt.Errorf("copy from %q: %w", path, err)
	}
	return nil
}

func copyOut(ctx context.Context, root *os.File, path string, w io.Writer, o OutOptions) error {
	s, f, st, err := look(root, path, o.FollowLinks)
	if err != nil {
		return err
	}
	if s.contents {
		s.name = ""
	}
	t := newTarball(w, &o)
	if err := copyTree(ctx, f, st, s.name, o.IDs, t); err != nil {
		return err
	}
	return t.close()
}

// CopyOutTo copies what is at a path inside the root to a directory of the
// host, by the rules of "docker cp" ([CopyIn]). hostDir is looked up once, with
// its links followed, and everything else below it one name at a time and
// never through a link: links are copied as links.
//
// Set-user-ID and set-group-ID are dropped, devices skipped, and everything
// belongs to this process's user, unless o says otherwise.
func CopyOutTo(ctx context.Context, root *os.File, path, hostDir string, o OutOptions) error {
	if err := copyOutTo(ctx, root, path, hostDir, o); err != nil {
		return fmt.Errorf("copy from %q to %q: %w", path, hostDir, err)
	}
	return nil
}

func copyOutTo(ctx context.Context, root *os.File, path, hostDir string, o OutOptions) error {
	s, f, st, err := look(root, path, o.FollowLinks)
	if err != nil {
		return err
	}
	t, base, err := find(hostOpener, hostDir)
	if err != nil {
		f.Close()
		return err
	}
	defer base.Close()
	t.asserts, _ = asserted(hostDir)
	name, err := place(s, t)
	if err != nil {
		f.Close()
		return err
	}
	w := newWriter(base)
	defer w.close()
	return copyTree(ctx, f, st, name, o.IDs, &extractor{writer: w, o: &o})
}

// extractor makes what a walk finds.
type extractor struct {
	*writer
	o *OutOptions
}

func (x *extractor) meta(i *item) meta {
	m := meta{mode: i.st.Mode & 0o7777, own: x.o.KeepOwner, uid: i.uid, gid: i.gid, mtime: i.mtime()}
	if !x.o.KeepSetID {
		m.mode &= 0o1777
	}
	return m
}

func (x *extractor) enter(i *item) error {
	if i.name == "" {
		return nil
	}
	return x.writer.enter(i.name, x.meta(i))
}

func (x *extractor) leave(i *item) error {
	if i.name == "" {
		return nil
	}
	return x.writer.leave()
}

func (x *extractor) file(ctx context.Context, i *item, f *os.File) error {
	return x.writer.file(ctx, i.name, x.meta(i), f, i.st.Size)
}

func (x *extractor) link(i *item, first string) error { return x.writer.link(i.name, first) }

func (x *extractor) symlink(i *item, to string) error {
	m := x.meta(i)
	return x.writer.symlink(i.name, to, m)
}

func (x *extractor) special(i *item) error {
	switch i.kind() {
	case sys.S_IFSOCK:
	case sys.S_IFIFO:
		return x.node(i.name, sys.S_IFIFO|0o600, 0, x.meta(i))
	default:
		if !x.o.Devices {
			break
		}
		err := x.node(i.name, i.kind()|0o600, i.st.Rdev, x.meta(i))
		if !errors.Is(err, syscall.EPERM) {
			return err
		}
	}
	x.o.skip(i.path, typeName(fileMode(i.st.Mode).Type()))
	return nil
}

// look opens the source of a copy, without effect.
func look(root *os.File, p string, follow bool) (s source, f *os.File, st sys.Stat, err error) {
	clean, err := inside(p)
	if err != nil {
		return s, nil, st, err
	}
	s = sourceOf(clean, p)
	flags := sys.O_PATH
	if !follow && !s.asserts {
		flags |= sys.O_NOFOLLOW
	}
	if f, err = safepath.Open(root, clean, flags); err != nil {
		return s, nil, st, err
	}
	if st, err = sys.Fstatat(int(f.Fd()), ""); err == nil {
		s.dir = st.Mode&sys.S_IFMT == sys.S_IFDIR
		if s.asserts && !s.dir {
			err = ErrNotDirectory
		}
	}
	if err != nil {
		f.Close()
		return s, nil, st, err
	}
	return s, f, st, nil
}
