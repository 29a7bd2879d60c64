package sandbox

import (
	"errors"
	"os"
	"strconv"
	"syscall"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image/rootfs"
	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// An imageLayer is one layer of an image, ready to be mounted by any number of
// sandboxes.
type imageLayer struct {
	fs.Layer
	source *rootfs.Source
	// mount is a detached mount of it that sandboxes copy, so that they share
	// what was read of it; nil where the kernel makes no copies of such mounts
	// (before Linux 6.15), or where it is a directory.
	mount *os.File
}

// prepareLayers opens the layers. They are closed with the image.
func (r *rooted) prepareLayers() error {
	for _, l := range r.stack.Layers {
		source, err := l.Source()
		if err != nil {
			return errors.Join(err, r.closeLayers())
		}
		layer := imageLayer{Layer: fs.Layer{Source: source.Path}, source: source}
		if l.Kind == rootfs.KindEROFS {
			layer.Type = "erofs"
			layer.mount, err = sharedMount(layer.Layer)
		}
		r.layers = append(r.layers, layer)
		if err != nil {
			return errors.Join(err, r.closeLayers())
		}
	}
	return nil
}

// sharedMount mounts a layer if the mount can be copied.
func sharedMount(l fs.Layer) (*os.File, error) {
	fd, err := sys.MountDetached(l.Type, l.Source, sys.MOUNT_ATTR_RDONLY, [2]string{"ro"})
	if err != nil {
		return nil, err
	}
	f := fd.File(l.Source)
	c, err := sys.CloneDetached(f)
	if err == nil {
		return f, c.Close()
	}
	if errors.Is(err, syscall.EINVAL) {
		err = nil
	}
	return nil, errors.Join(err, f.Close())
}

// closeLayers closes them; sandboxes that have them mounted keep them.
func (r *rooted) closeLayers() error {
	var errs []error
	for _, l := range r.layers {
		errs = append(errs, l.source.Close())
		if l.mount != nil {
			errs = append(errs, l.mount.Close())
		}
	}
	r.layers = nil
	return errors.Join(errs...)
}

// root is the image as a root; what else was said of the root stays.
func (r *rooted) root(root fs.Root) fs.Root {
	a := r.stack.Root
	root.Mode, root.UID, root.GID = a.Mode, a.UID, a.GID
	for _, l := range r.layers {
		root.Layers = append(root.Layers, l.Layer)
	}
	return root
}

// passLayers hands the launcher the mounts that it can copy.
func (b *builder) passLayers() {
	if b.image == nil {
		return
	}
	b.tree.LayerMounts = make(map[int]program.FD)
	for i, l := range b.image.layers {
		if l.mount != nil {
			b.tree.LayerMounts[i] = b.pass("layer "+strconv.Itoa(i), l.mount)
		}
	}
}
