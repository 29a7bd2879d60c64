package store

import (
	"context"
	"io"

	"github.com/sandkit/sandkit/image"
)

// A Consumer uses layers while they are downloaded.
type Consumer interface {
	// Feed is given the packed bytes of a layer from its beginning. They are
	// not verified until r gives io.EOF; when the download fails or is found to
	// be damaged, r gives the error instead, and Feed may be called again for
	// the same layer. It need not read everything. Its own error ends the pull.
	// It is called by several goroutines at once, for different layers, and has
	// returned when the pull returns; a download waits for whoever does not read.
	Feed(ctx context.Context, l image.Layer, r io.Reader) error
}

// A PullRequest says what somebody wants of a [Puller].
type PullRequest struct {
	Ref image.Ref
	// Platform is the one that is wanted of an index; this host's if zero.
	Platform image.Platform
	// Progress is told of each blob; nil is fine.
	Progress image.ProgressFunc
	// Consumer makes somebody who uses layers while they are downloaded. It is
	// called for each image that is pulled, before its layers; nil is fine.
	Consumer func(ctx context.Context, lease *Lease, img image.Image) (Consumer, error)
}

// A Puller brings images into a store, as *registry.Client does from
// registries. Who only needs the interface does not have to link that, with a
// client for HTTP.
type Puller interface {
	// PullImage brings an image into the store of the lease, names it there, and
	// gives the one for the platform.
	PullImage(ctx context.Context, lease *Lease, r PullRequest) (image.Image, error)
}
