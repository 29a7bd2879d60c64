package layer

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// Diff writes the changes in an overlay's upper directory as a layer: a tar,
// not packed. What was removed becomes whiteouts; directories that were moved
// (redirect_dir) and files of which only the metadata were copied (metacopy)
// are read from the lower directories, given the lowest first. Entries are in
// order, and nothing depends on the time or the host, so that equal changes
// give equal bytes. Nothing may be changed meanwhile.
func Diff(ctx context.Context, w io.Writer, upper *os.File, lowers []*os.File, o DiffOptions) (*DiffInfo, error) {
	d := digest.Canonical.Digester()
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultLimits().Bytes
	}
	count := &counter{w: io.MultiWriter(w, d.Hash())}
	p := &differ{
		ctx: ctx, o: o, tar: tar.NewWriter(count), info: new(DiffInfo), upperLayer: len(lowers),
		links: make(map[inode]string), buf: make([]byte, 256<<10),
	}
	all := append(append([]*os.File(nil), lowers...), upper)
	roots, err := sourcesOf(all)
	if err == nil {
		err = p.dir(newView(roots, o.Format), "", true)
	}
	runtime.KeepAlive(all) // the view has numbers only
	if err == nil {
		err = p.tar.Close()
	}
	if err != nil {
		return nil, wrap("diff", "", "", err)
	}
	p.info.DiffID, p.info.Bytes = d.Digest(), count.n
	return p.info, nil
}

type counter struct {
	w io.Writer
	n int64
}

// Write counts.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

type differ struct {
	ctx        context.Context //nolint:containedctx // it ends with the call that made the differ
	o          DiffOptions
	tar        *tar.Writer
	info       *DiffInfo
	upperLayer int
	bytes      int64 // of files so far
	links      map[inode]string
	buf        []byte
}

// dir writes what is in a directory. Changed means that only what the upper
// layer has is new; otherwise all of it is, since it was somewhere else.
func (p *differ) dir(v *view, prefix string, changed bool) error {
	if len(v.dirs) == 0 {
		return nil
	}
	names, err := v.names()
	if changed {
		if v.dirs[0].layer != p.upperLayer {
			return nil
		}
		names, err = v.dirs[0].names()
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := p.ctx.Err(); err != nil {
			return context.Cause(p.ctx)
		}
		if slices.Contains(p.o.Exclude, Path(prefix+name)) {
			continue
		}
		if err := p.name(v, name, prefix, changed); err != nil {
			return at(prefix+name, err)
		}
	}
	return nil
}

// name writes one name.
func (p *differ) name(v *view, name, prefix string, changed bool) error {
	if strings.HasPrefix(name, whPrefix) {
		return malformed("a name that starts with %q means a whiteout", whPrefix)
	}
	f, err := v.lookup(name)
	if err != nil {
		return err
	}
	defer f.close()
	if f == nil || changed && f.in.layer != p.upperLayer {
		if !changed {
			return nil // the directory is new as a whole
		}
		return p.mark(prefix + whPrefix + name)
	}
	return p.entry(v, f, prefix+name, changed)
}

// mark writes an entry that takes something away.
func (p *differ) mark(path string) error {
	p.info.Entries++
	return p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0, ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
}

// entry writes a file, a directory with what is in it, or something else.
func (p *differ) entry(v *view, f *found, path string, changed bool) error {
	h, err := p.header(f, path)
	if h == nil || err != nil {
		return err
	}
	if h.Typeflag != tar.TypeDir && f.st.Links > 1 {
		id := inode{f.st.Device, f.st.Inode}
		if first := p.links[id]; first != "" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		} else {
			p.links[id] = path
		}
	}
	p.info.Entries++
	if err := p.tar.WriteHeader(h); err != nil {
		return errors.Join(malformed("write header"), err)
	}
	switch h.Typeflag {
	case tar.TypeReg:
		if err := within("size of the changes", p.bytes+h.Size, p.o.MaxBytes); err != nil {
			return err
		}
		p.bytes += h.Size
		return p.content(v, f, h.Size)
	case tar.TypeDir:
		return p.below(f, path, changed)
	}
	return nil
}

// below writes what is in a directory.
func (p *differ) below(f *found, path string, changed bool) error {
	dir := f.sub.dirs[0]
	_, moved, err := dir.xattr("", f.sub.prefix+"redirect")
	if err != nil {
		return err
	}
	opaque, _, err := dir.xattr("", f.sub.prefix+"opaque")
	if err != nil {
		return err
	}
	if changed && (moved || string(opaque) == "y") {
		if err := p.mark(path + "/" + whOpaque); err != nil {
			return err
		}
	}
	return p.dir(f.sub, path+"/", changed && !moved)
}

// content writes a file's bytes.
func (p *differ) content(v *view, f *found, size int64) error {
	src, err := v.content(f)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	n, err := io.CopyBuffer(p.tar, io.LimitReader(src, size), p.buf)
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF // it was made shorter meanwhile
	}
	return err
}

// content opens a file's content, of which its layer may have only the metadata.
func (v *view) content(f *found) (io.ReadCloser, error) {
	_, meta, err := f.in.xattr(f.name, v.prefix+"metacopy")
	if err != nil || !meta {
		if err == nil {
			return f.in.file(f.name)
		}
		return nil, err
	}
	data, err := v.data(f)
	if err != nil {
		return nil, err
	}
	defer data.close()
	return data.in.file(data.name)
}

// data finds the content of a file of which the upper layer has only the
// metadata.
func (v *view) data(f *found) (*found, error) {
	name := f.name
	lower := v.empty()
	redirect, ok, err := f.in.xattr(f.name, v.prefix+"redirect")
	switch {
	case err != nil:
		return nil, err
	case ok && strings.HasPrefix(string(redirect), "/"):
		for _, r := range v.roots {
			if r.layer < f.in.layer {
				lower.dirs = append(lower.dirs, r)
			}
		}
		name = string(redirect)
	default:
		for _, d := range v.dirs {
			if d.layer < f.in.layer {
				lower.dirs = append(lower.dirs, d)
			}
		}
		if ok {
			name = string(redirect)
		}
	}
	data, err := lower.walk(strings.Split(name, "/"))
	if err == nil && data == nil {
		err = malformed("the content of a file is in no layer")
	}
	return data, err
}
