package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/store"
)

// RootOptions say what image is made of a root tarball. The zero value makes
// one without a name, for this host's platform, that runs nothing by itself.
type RootOptions struct {
	// Ref names the image; it is not named if zero.
	Ref image.Ref
	// Platform is what the programs in it run on; this host's if zero.
	Platform image.Platform
	// Config is how its programs are run.
	Config image.RunConfig
	// Changes are Dockerfile instructions that change Config, as docker import
	// takes them; see image.ApplyChanges. A bad one fails before anything of the
	// tarball is read.
	Changes []string
	// Author and Message are for people; the message is a comment in the
	// history.
	Author, Message string
	// Created is when the image was made; now if zero. With the same time, the
	// same tarball makes the same image.
	Created time.Time
	// MaxBytes limits the unpacked tar; 0 means DefaultMaxBytes.
	MaxBytes int64
	// Progress is told of the tarball. It is called by one goroutine; nil is
	// fine.
	Progress image.ProgressFunc
}

// ImportRoot makes an image of one layer of a tar with a root file system,
// which may be packed with gzip or zstd and stays as it is packed, and adds it
// to a store. Its entries are checked when it is unpacked, only that it is a
// whole tar is checked now. It returns when all of r was read.
func ImportRoot(ctx context.Context, s *store.Store, r io.Reader, o RootOptions) (image.Image, error) {
	if err := image.ApplyChanges(&o.Config, o.Changes); err != nil {
		return nil, fmt.Errorf("import root: %w", err)
	}
	lease, err := s.Lease(ctx)
	if err != nil {
		return nil, fmt.Errorf("import root: %w", err)
	}
	img, err := importRoot(ctx, lease, r, o)
	if err := errors.Join(err, lease.Discard(context.WithoutCancel(ctx))); err != nil {
		return nil, fmt.Errorf("import root: %w", err)
	}
	return img, nil
}

func importRoot(ctx context.Context, lease *store.Lease, r io.Reader, o RootOptions) (image.Image, error) {
	p := &progress{tell: o.Progress, now: image.Progress{Phase: image.PhaseImport, Total: -1}}
	p.begin()
	packed, diffID, err := takeRoot(ctx, lease, p.reader(r), o.MaxBytes)
	if err != nil {
		return nil, err
	}
	p.now.Digest, p.now.Total = packed.Digest, packed.Size
	p.end()
	img, err := lease.Append(ctx, nil, packed, diffID, rootConfig(o))
	if err != nil {
		return nil, err
	}
	return img, lease.Tag(ctx, o.Ref, img.Descriptor())
}

func rootConfig(o RootOptions) image.Config {
	if o.Created.IsZero() {
		o.Created = time.Now()
	}
	if o.Platform.OS == "" && o.Platform.Architecture == "" {
		o.Platform = image.HostPlatform()
	}
	created := o.Created.UTC()
	return image.Config{
		Created: &created, Author: o.Author,
		OS: o.Platform.OS, Architecture: o.Platform.Architecture, Variant: o.Platform.Variant,
		OSVersion: o.Platform.OSVersion, OSFeatures: o.Platform.OSFeatures,
		Config:  o.Config,
		History: []image.History{{Created: &created, Author: o.Author, Comment: o.Message}},
	}
}

// takeRoot puts the stream into the store as it is, and reads the tar in it at
// the same time.
func takeRoot(ctx context.Context, lease *store.Lease, r io.Reader, limit int64) (_ image.Descriptor, diffID image.Digest, err error) {
	b := bufio.NewReaderSize(r, 1<<16)
	head, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return image.Descriptor{}, "", fmt.Errorf("read root: %w", err)
	}
	packed := layer.Detect(head)
	mediaType, err := layer.MediaType(packed)
	if err != nil {
		return image.Descriptor{}, "", err
	}
	w, err := lease.Create(ctx, mediaType)
	if err != nil {
		return image.Descriptor{}, "", err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	tee := io.TeeReader(b, w)
	if diffID, err = readRoot(ctx, tee, packed, limit); err != nil {
		return image.Descriptor{}, "", fmt.Errorf("read root: %w", err)
	}
	if _, err := io.Copy(io.Discard, tee); err != nil { // what the unpacker had no need of
		return image.Descriptor{}, "", fmt.Errorf("read root: %w", err)
	}
	d, err := w.Commit(ctx)
	return d, diffID, err
}

// readRoot makes sure that a stream is a tar, and gives the tar's digest.
func readRoot(ctx context.Context, r io.Reader, packed image.Compression, limit int64) (_ image.Digest, err error) {
	u, err := unpack(r, packed)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	if limit == 0 {
		limit = DefaultMaxBytes
	}
	hash := digest.Canonical.Digester()
	bounded := &io.LimitedReader{R: u, N: limit + 1}
	content := io.TeeReader(bounded, hash.Hash())
	tr := tar.NewReader(content)
	for {
		_, err := tr.Next()
		switch {
		case bounded.N == 0:
			return "", &image.LimitError{What: "size of the unpacked root", Limit: limit}
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case errors.Is(err, io.EOF):
			_, err := io.Copy(io.Discard, content)
			if err == nil && bounded.N == 0 {
				err = &image.LimitError{What: "size of the unpacked root", Limit: limit}
			}
			return hash.Digest(), err
		case err != nil:
			return "", malformed(err)
		}
	}
}
