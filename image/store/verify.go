package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sandkit/sandkit/image"
)

// A Problem is one thing that is wrong with a store.
type Problem struct {
	Image image.Digest // the image that misses something, or empty
	Blob  image.Digest
	Err   error // matches image.ErrCorrupt, image.ErrNotFound or image.ErrInvalid
}

// Error tells what is wrong.
func (p *Problem) Error() string {
	if p.Image == "" {
		return fmt.Sprintf("blob %s: %v", p.Blob, p.Err)
	}
	return fmt.Sprintf("image %s: %v", p.Image, p.Err)
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Verify reads every blob and gives those whose content is not what their
// digests say, and the images whose manifest or configuration is missing or
// malformed. Layers may be missing: only those of this host's platform are
// fetched, and an unpacked one serves as well. With repair, damaged blobs are
// removed, so that they are fetched again. The error is about looking, not
// about what was found.
func (s *Store) Verify(ctx context.Context, repair bool) ([]Problem, error) {
	problems, err := s.verifyBlobs(ctx, repair)
	if err == nil {
		var more []Problem
		more, err = s.verifyImages(ctx)
		problems = append(problems, more...)
	}
	if err != nil {
		return problems, fmt.Errorf("verify store %s: %w", s.dir, err)
	}
	return problems, nil
}

func (s *Store) verifyBlobs(ctx context.Context, repair bool) ([]Problem, error) {
	var problems []Problem
	err := s.eachBlob(func(d image.Digest, _ os.FileInfo) error {
		err := s.verifyBlob(ctx, d)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil // removed meanwhile
		case !errors.Is(err, image.ErrCorrupt):
			return err
		}
		problems = append(problems, Problem{Blob: d, Err: err})
		if repair {
			return s.removeBlob(ctx, d)
		}
		return nil
	})
	return problems, err
}

func (s *Store) verifyBlob(ctx context.Context, d image.Digest) error {
	f, err := os.OpenFile(s.blobPath(d), os.O_RDONLY|noFollow, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	hash := d.Algorithm().Digester()
	if _, err := io.Copy(hash.Hash(), &contextReader{ctx, f}); err != nil {
		return err
	}
	if got := hash.Digest(); got != d {
		return &image.DigestError{Want: d, Got: got}
	}
	return nil
}

func (s *Store) removeBlob(ctx context.Context, d image.Digest) error {
	g, err := s.alone(ctx)
	if err != nil {
		return err
	}
	defer g.Close()
	return s.files.remove(s.blobPath(d))
}

// verifyImages makes sure of the documents of each image. Of an index, those
// manifests that are there must be right, and one must be.
func (s *Store) verifyImages(ctx context.Context) ([]Problem, error) {
	t, err := s.load()
	if err != nil {
		return nil, err
	}
	var problems []Problem
	for _, d := range t.targets() {
		if err := s.verifyImage(ctx, d, 0); ctx.Err() != nil {
			return problems, context.Cause(ctx)
		} else if err != nil {
			problems = append(problems, Problem{Image: d.Digest, Err: err})
		}
	}
	return problems, nil
}

func (s *Store) verifyImage(ctx context.Context, d image.Descriptor, depth int) error {
	if depth > image.MaxIndexDepth {
		return &image.LimitError{What: "depth of indexes", Limit: image.MaxIndexDepth}
	}
	if image.IsManifest(d.MediaType) {
		raw, err := image.ReadAll(ctx, s, d, image.MaxManifestSize)
		if err != nil {
			return err
		}
		m, err := image.ParseManifest(d, raw)
		if err != nil || !image.IsConfig(m.Config.MediaType) {
			return err
		}
		_, err = image.Load(ctx, s, d)
		return err
	}
	raw, err := image.ReadAll(ctx, s, d, image.MaxManifestSize)
	if err != nil {
		return err
	}
	x, err := image.ParseIndex(d, raw)
	if err != nil {
		return err
	}
	missing := error(&NotFoundError{What: "manifest of index", Name: string(d.Digest)})
	for _, m := range x.Manifests {
		ok, err := s.has(m.Digest)
		if err != nil {
			return err
		}
		if !ok || !image.IsManifest(m.MediaType) && !image.IsIndex(m.MediaType) {
			continue
		}
		if err := s.verifyImage(ctx, m, depth+1); err != nil {
			return err
		}
		missing = nil
	}
	return missing
}
