package transfer

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// CopyIn copies files, directories and symbolic links into the root, to the
// path dir, as "docker cp" does: o.Source is put into dir if that is a
// directory, and becomes dir if there is nothing; directories above dir must
// exist. Directories that exist are merged, and other things replaced, but
// never a directory by something else nor the other way round
// ([ErrConflict]). Links in dir itself are followed inside the root, those
// below are not.
//
// Modes and times are the source's, also those of directories that existed,
// apart from dir. A file is complete when it gets its name. What was copied
// before an error stays. The context ends the copy between files and within
// large ones.
func CopyIn(ctx context.Context, root *os.File, dir string, src iofs.FS, o CopyOptions) error {
	if err := copyIn(ctx, root, dir, src, o); err != nil {
		return fmt.Errorf("copy to %q: %w", dir, err)
	}
	return nil
}

func copyIn(ctx context.Context, root *os.File, dir string, src iofs.FS, o CopyOptions) error {
	s, from, info, err := o.find(src)
	if err != nil {
		return err
	}
	at, err := inside(dir)
	if err != nil {
		return err
	}
	t, base, err := find(rootOpener(root), at)
	if err != nil {
		return err
	}
	defer base.Close()
	t.asserts, _ = asserted(dir)
	name, err := place(s, t)
	if err != nil {
		return err
	}
	w := newWriter(base)
	defer w.close()
	c := &copier{src: src, o: &o, w: w}
	if name == "" {
		return c.children(ctx, from)
	}
	return c.entry(ctx, from, name, info)
}

// find looks at what is to be copied.
func (o *CopyOptions) find(src iofs.FS) (s source, from string, info iofs.FileInfo, err error) {
	if o.Source == "" {
		o.Source = "."
	}
	from = strings.TrimRight(strings.TrimSuffix(o.Source, "/."), "/")
	if !iofs.ValidPath(from) {
		return s, "", nil, fmt.Errorf("source %q: %w", o.Source, iofs.ErrInvalid)
	}
	s = sourceOf(from, o.Source)
	look := iofs.Lstat
	if o.FollowLinks || s.asserts {
		look = iofs.Stat
	}
	if info, err = look(src, from); err != nil {
		return s, "", nil, err
	}
	s.dir = info.IsDir()
	return s, from, info, nil
}

// copier copies from a file system into a directory.
type copier struct {
	src iofs.FS
	o   *CopyOptions
	w   *writer
}

// entry copies one thing, under a new name.
func (c *copier) entry(ctx context.Context, from, name string, info iofs.FileInfo) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var err error
	switch {
	case info.IsDir():
		return c.directory(ctx, from, name, info)
	case info.Mode().IsRegular():
		err = c.file(ctx, from, name)
	case info.Mode().Type() == iofs.ModeSymlink:
		err = c.symlink(from, name, info)
	default:
		err = &SpecialError{info.Mode().Type()}
	}
	return named(from, err)
}

func (c *copier) directory(ctx context.Context, from, name string, info iofs.FileInfo) error {
	m, err := c.meta(info)
	if err == nil {
		err = c.w.enter(name, m)
	}
	if err != nil {
		return named(from, err)
	}
	if err := c.children(ctx, from); err != nil {
		return err
	}
	return named(from, c.w.leave())
}

func (c *copier) children(ctx context.Context, from string) error {
	entries, err := iofs.ReadDir(c.src, from)
	if err != nil {
		return named(from, err)
	}
	for _, e := range entries {
		if err := checkName(e.Name()); err != nil {
			return fmt.Errorf("read directory %q: %w", from, err)
		}
		at := path.Join(from, e.Name())
		info, err := e.Info()
		if err != nil {
			return named(at, err)
		}
		if err := c.entry(ctx, at, e.Name(), info); err != nil {
			return err
		}
	}
	return nil
}

// file copies a regular file. What is opened may be something else by now.
func (c *copier) file(ctx context.Context, from, name string) (err error) {
	f, err := c.src.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &SpecialError{info.Mode().Type()}
	}
	m, err := c.meta(info)
	if err != nil {
		return err
	}
	return c.w.file(ctx, name, m, f, -1)
}

func (c *copier) symlink(from, name string, info iofs.FileInfo) error {
	to, err := iofs.ReadLink(c.src, from)
	if err != nil {
		return err
	}
	m, err := c.meta(info)
	if err != nil {
		return err
	}
	return c.w.symlink(name, to, m)
}

func (c *copier) meta(info iofs.FileInfo) (m meta, err error) {
	m = meta{mode: modeBits(info.Mode()), own: true, mtime: info.ModTime()}
	var uid, gid uint32
	if c.o.Owner != nil {
		uid, gid = c.o.Owner(info)
	}
	m.uid, m.gid, err = c.o.IDs.Outside.strict(uid, gid)
	return m, err
}

// SourceOwner gives files the owner they have in the source, as "docker cp -a"
// does; user and group 0 where the source does not tell.
func SourceOwner(info iofs.FileInfo) (uid, gid uint32) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return st.Uid, st.Gid
}
