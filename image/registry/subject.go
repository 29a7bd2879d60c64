package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/sandkit/sandkit/image"
)

// A Subject is an image that somebody may have signed, or said something else
// about.
type Subject struct {
	// Ref is what the image was asked for as.
	Ref image.Ref
	// Descriptor is the manifest's or the index's, Manifest the document, which
	// has that digest. It is not to be changed.
	Descriptor image.Descriptor
	Manifest   []byte

	sources *sources
}

// Referrers lists what refers to the image, as [Client.Referrers] does.
func (s Subject) Referrers(ctx context.Context, artifactType string) ([]image.Descriptor, error) {
	return s.sources.referrers(ctx, s.Descriptor, artifactType)
}

// Tagged fetches the manifest that has a tag in the image's repository. The
// error matches [image.ErrNotFound] when there is none.
func (s Subject) Tagged(ctx context.Context, tag string) (image.Descriptor, []byte, error) {
	ref, err := s.Ref.WithTag(tag)
	if err != nil {
		return image.Descriptor{}, nil, err
	}
	var d image.Descriptor
	var raw []byte
	err = s.sources.try(ctx, "tag "+tag, func(r *repository) (err error) {
		d, raw, err = r.manifest(ctx, ref.Tag(), "")
		return err
	})
	return d, raw, err
}

// Fetch fetches a manifest or a blob of at most limit bytes from the image's
// repository, and verifies that it is what the descriptor says.
func (s Subject) Fetch(ctx context.Context, d image.Descriptor, limit int64) ([]byte, error) {
	return s.sources.fetch(ctx, d, limit)
}

// Referrers lists the manifests that refer to an image, such as signatures:
// those of an artifact type, or all if it is empty. Registries that cannot list
// them have an index of them under the tag sha256-<hex>, which is read
// instead. It is no error when there are none.
func (c *Client) Referrers(ctx context.Context, ref image.Ref, artifactType string) ([]image.Descriptor, error) {
	d, _, err := c.resolve(ctx, ref)
	if err != nil {
		return nil, failed("list referrers", ref, err)
	}
	all, err := c.sourcesOf(ref).referrers(ctx, d, artifactType)
	if err != nil {
		return nil, failed("list referrers", ref, err)
	}
	return all, nil
}

// referrers asks one place after the other until one has some: mirrors seldom
// have them.
func (s *sources) referrers(ctx context.Context, subject image.Descriptor, artifactType string) ([]image.Descriptor, error) {
	var all []image.Descriptor
	for i, p := range s.places {
		one := &sources{client: s.client, ref: s.ref, places: []place{p}}
		err := one.try(ctx, "referrers", func(r *repository) error {
			all = nil
			return r.remote.Referrers(ctx, subject, artifactType, func(page []image.Descriptor) error {
				return add(&all, page)
			})
		})
		if ctx.Err() != nil || i == len(s.places)-1 || err == nil && len(all) > 0 {
			return all, err
		}
	}
	return all, nil
}

// add adds a page of referrers.
func add(all *[]image.Descriptor, page []image.Descriptor) error {
	if len(*all)+len(page) > image.MaxIndexEntries {
		return &image.LimitError{What: "number of referrers", Limit: image.MaxIndexEntries}
	}
	for _, d := range page {
		if err := image.CheckDescriptor(d); err != nil {
			return fmt.Errorf("referrer: %w", err)
		}
	}
	*all = append(*all, page...)
	return nil
}

// maxTags limits how many tags of a repository are listed.
const maxTags = 1 << 20

// Tags lists the tags of a repository, as the registry sorts them. Tag and
// digest of ref do not matter.
func (c *Client) Tags(ctx context.Context, ref image.Ref) ([]string, error) {
	var all []string
	r, err := c.origin(ctx, ref)
	if err == nil {
		err = plain(r.remote.Tags(ctx, "", func(tags []string) error {
			if all = append(all, tags...); len(all) > maxTags {
				return &image.LimitError{What: "number of tags", Limit: maxTags}
			}
			return nil
		}))
	}
	if err != nil {
		return nil, failed("list tags", ref, err)
	}
	return all, nil
}

// Delete deletes a manifest or index, with all its tags, from the registry.
// Blobs that nothing needs any more go when the registry wants. Many do not
// allow it: the error is a *StatusError then.
func (c *Client) Delete(ctx context.Context, ref image.Ref) error {
	r, err := c.origin(ctx, ref)
	var d image.Descriptor
	if err == nil {
		d, _, err = r.resolve(ctx, ref)
	}
	if err == nil {
		err = plain(r.remote.Manifests().Delete(ctx, d))
	}
	if err != nil {
		return failed("delete", ref, err)
	}
	return nil
}

// errNothing is a reference that names nothing.
var errNothing = errors.New("it names nothing")
