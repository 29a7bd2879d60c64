package sandbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// Image says which image is the root. The zero value is none.
type Image struct {
	// Ref is the image's name, or the id of one in the store.
	Ref string `json:"ref,omitempty"`
	// Pull says when it is fetched from its registry; empty: PullMissing.
	Pull PullPolicy `json:"pull,omitempty"`
	// Platform is what it has to be made for; this host's if zero.
	Platform image.Platform `json:"platform,omitzero"`
}

// PullPolicy says when an image is fetched from its registry.
type PullPolicy string

// The policies, as docker run --pull has them.
const (
	PullMissing PullPolicy = "missing" // when it is not in the store
	PullAlways  PullPolicy = "always"  // at every start; what is there already is not fetched again
	PullNever   PullPolicy = "never"
)

// check reports every problem at once.
func (i Image) check() error {
	var errs []error
	switch i.Pull {
	case "", PullMissing, PullAlways, PullNever:
	default:
		errs = append(errs, fmt.Errorf("WithPull: %q is none of missing, always, never", i.Pull))
	}
	if i.Ref == "" && (i.Pull != "" || i.Platform.OS+i.Platform.Architecture != "") {
		errs = append(errs, errors.New("WithPull, WithPlatform: there is no image, use WithImage"))
	}
	return errors.Join(errs...)
}

// imageSource is where images come from.
type imageSource struct {
	// open is Sandbox.openImage where there may be an image. Otherwise it is nil,
	// and what pulls and unpacks images is no part of the host program.
	open     func(*Sandbox, context.Context) (*rooted, error)
	store    *store.Store // nil: the default one
	puller   store.Puller // nil: images are not pulled
	progress image.ProgressFunc
}

// WithImage makes an image the root, copied on write as a directory is. When
// it is not in the store, it is pulled by whom WithRegistry names. What the image says of its program
// counts where no option says otherwise, as docker run has it: the command's
// arguments follow the image's entrypoint, or replace its own arguments;
// environment variables add up; user, working directory and stop signal are
// the image's. Root inside has Docker's default capabilities, which count in the
// sandbox's user namespace only; with WithHostUsers it has none.
func WithImage(ref string) Option {
	return option(func(c *config) {
		c.droppable(DropIDMap)
		if ref == "" {
			c.process.problem("WithImage", "reference is empty")
		}
		c.spec.Image.Ref = ref
		c.life.hooks.test() // the image may have one
		c.images.open, c.volumes.use = (*Sandbox).openImage, (*Sandbox).useVolumes
	})
}

// WithPull says when the image is fetched from its registry.
func WithPull(p PullPolicy) Option {
	return option(func(c *config) { c.spec.Image.Pull = p })
}

// WithPlatform chooses an image for another platform than this host's, whose
// programs this host's kernel must be able to run.
func WithPlatform(p image.Platform) Option {
	return option(func(c *config) { c.spec.Image.Platform = p })
}

// WithImageStore says where images are kept; by default in [store.DefaultDir].
func WithImageStore(s *store.Store) Option {
	return option(func(c *config) { c.images.store = s })
}

// WithRegistry says who pulls images: a *registry.Client. Without it, an image
// that is not in the store is an error. It is no default, because it would link
// a client for HTTP and TLS to every program that starts sandboxes: 2 MB, and
// half a millisecond at its start.
func WithRegistry(p store.Puller) Option {
	return option(func(c *config) { c.images.puller = p })
}

// WithImageProgress has f called while the image is pulled and unpacked.
func WithImageProgress(f image.ProgressFunc) Option {
	return option(func(c *config) { c.images.progress = f })
}

// WithEntrypoint replaces the image's entrypoint, and drops its arguments;
// without any word there is none.
func WithEntrypoint(words ...string) ProcOption {
	list := append([]string{}, words...)
	if len(list) == 0 {
		list = []string{""}
	}
	return procOption(func(c *processConfig) { c.spec.Entrypoint = list })
}

// WithoutCapabilities takes capabilities away that the program would have by
// default, with an image; "ALL" takes all of them. Those that
// WithCapabilities names are given all the same.
func WithoutCapabilities(drop ...string) ProcOption {
	return procOption(func(c *processConfig) { c.spec.DropCapabilities = append(c.spec.DropCapabilities, drop...) })
}
