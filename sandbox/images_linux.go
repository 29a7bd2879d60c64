package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/rootfs"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/safepath"
)

// A rooted image has its layers ready to be mounted. The lease keeps them.
type rooted struct {
	store *store.Store
	lease *store.Lease
	image image.Image
	stack *rootfs.Stack
	// layers are the stack's, the lowest first.
	layers []imageLayer
	// volumes are directories whose content is no part of the image.
	volumes []string
	open    func(name string) (io.ReadCloser, error) // a file of the layers
	files   sync.Map                                 // of small files: their contents by name

	key   imageKey
	table string // the store's generation
	users int    // sandboxes; guarded by hostImages
}

// openImage finds the sandbox's image, pulls and unpacks it when that has to be
// done. The caller releases it.
func (s *Sandbox) openImage(ctx context.Context) (*rooted, error) {
	st := s.images.store
	if st == nil {
		var err error
		if st, err = store.Open(""); err != nil {
			return nil, err
		}
	}
	key := imageKey{st.Dir(), s.spec.Image.Ref, s.spec.Image.Platform.String()}
	table, err := st.Generation()
	if err != nil {
		return nil, err
	}
	if s.spec.Image.Pull != PullAlways {
		if r := hostImages.take(ctx, key, table); r != nil {
			return r, nil
		}
	}
	lease, err := st.Lease(ctx)
	if err != nil {
		return nil, err
	}
	r := &rooted{store: st, lease: lease, key: key, users: 1}
	if err = s.fill(ctx, r); err == nil {
		err = r.prepare()
	}
	if err != nil {
		return nil, errors.Join(imageError(err), r.close())
	}
	// A pull has changed it; then the next start looks once more.
	r.table = table
	return r, nil
}

// imageError lets what is not there be found by this package's sentinel, too.
func imageError(err error) error {
	if errors.Is(err, image.ErrNotFound) && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return err
}

func (s *Sandbox) fill(ctx context.Context, r *rooted) error {
	o := rootfs.Options{Progress: s.images.progress}
	policy, name := s.spec.Image.Pull, s.spec.Image.Ref
	if policy != PullAlways {
		img, err := r.lease.Image(ctx, name, s.spec.Image.Platform)
		if err == nil {
			r.image = img
			r.stack, err = rootfs.Unpack(ctx, r.lease, img, o)
			if err == nil || !errors.Is(err, image.ErrNotFound) {
				return err
			}
		}
		// It is not there, or not all of it.
		if policy == PullNever || !errors.Is(err, image.ErrNotFound) {
			return err
		}
		if s.images.puller == nil {
			return fmt.Errorf("%w (nobody pulls it: use WithRegistry)", err)
		}
	}
	return s.pull(ctx, r, o)
}

// pull fetches the image; what arrives is unpacked at once.
func (s *Sandbox) pull(ctx context.Context, r *rooted, o rootfs.Options) (err error) {
	ref, err := image.ParseRef(s.spec.Image.Ref)
	if err != nil {
		return err
	}
	var unpacker *rootfs.Unpacker
	defer func() {
		if cerr := unpacker.Close(); err == nil {
			err = cerr
		}
	}()
	r.image, err = s.images.puller.PullImage(ctx, r.lease, store.PullRequest{
		Ref: ref, Platform: s.spec.Image.Platform, Progress: s.images.progress,
		Consumer: func(ctx context.Context, lease *store.Lease, img image.Image) (store.Consumer, error) {
			var err error
			unpacker, err = rootfs.Begin(ctx, lease, img, o)
			return unpacker, err
		},
	})
	if err != nil {
		return err
	}
	if unpacker == nil {
		r.stack, err = rootfs.Unpack(ctx, r.lease, r.image, o)
		return err
	}
	r.stack, err = unpacker.Finish(ctx)
	return err
}

// prepare makes ready what starts need.
func (r *rooted) prepare() (err error) {
	if len(r.stack.Layers) == 0 {
		return fmt.Errorf("%w: the image has no layers, and so no files", ErrInvalidSpec)
	}
	if r.volumes, err = volumes(r.image.Config()); err != nil {
		return err
	}
	r.open = r.stack.Open
	return r.prepareLayers()
}

// dirs are directories that must be there: the image's volumes, and the working
// directory.
func (r *rooted) dirs(s *Spec) []string {
	if s.Process.Dir == "" || path.Clean(s.Process.Dir) == "/" {
		return r.volumes
	}
	return append(slices.Clip(r.volumes), path.Clean(s.Process.Dir))
}

// volumes gives the directories, in order, whose content is no part of the image.
func volumes(c *image.Config) ([]string, error) {
	var all []string
	for v := range c.Config.Volumes {
		dir, err := safepath.Clean("/" + strings.TrimLeft(v, "/"))
		if err == nil && dir == "/" {
			err = errors.New("all that there is")
		}
		if err != nil {
			return nil, fmt.Errorf("%w: volume %.40q of the image: %w", ErrInvalidSpec, v, err)
		}
		all = append(all, dir)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// readFile reads a file of the image that is small, and looked at by each
// start.
func (r *rooted) readFile(t *fs.Tree, name string) ([]byte, error) {
	type result struct {
		content []byte
		err     error
	}
	if known, ok := r.files.Load(name); ok {
		if known, ok := known.(result); ok {
			return known.content, known.err
		}
	}
	content, err := t.ReadFile(name, maxPasswd)
	if err == nil || errors.Is(err, iofs.ErrNotExist) {
		r.files.Store(name, result{content, err})
	}
	return content, err
}
