// Package image has the words that images are described with: references,
// descriptors, platforms, manifests, indexes and configurations, in the OCI's
// format and in Docker's (version 2, schema 2).
//
// It only looks at bytes that it is handed. Where they come from, a store, a
// registry or an archive, is the business of whoever implements [Source]; an
// [Image] joins both, and cannot be made from documents that contradict each
// other:
//
//	desc, raw := ...                         // from a registry
//	m, err := image.ParseManifest(desc, raw) // checks digest, size and content
//	img, err := image.Load(ctx, source, desc)
//
// Manifests and configurations are hostile input. They are limited in size,
// their digests are checked before they are parsed, and what other programs
// could read differently (the same key twice, a manifest that is an index,
// too) is an error.
package image
