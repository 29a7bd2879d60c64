// Package archive brings images from files and streams into a store, and the
// other way round.
//
//	found, err := archive.Import(ctx, s, r, archive.ImportOptions{})   // as docker load
//	err = archive.Export(ctx, s, w, archive.ExportOptions{}, "busybox") // as docker save
//	img, err := archive.ImportRoot(ctx, s, r, archive.RootOptions{})   // as docker import
//
// It reads and writes OCI image layouts, as directories and as tar archives,
// and archives of docker save: those that are an OCI layout, too, and older
// ones. The formats are told apart by what is in them, in whatever order. An
// archive is read once, from its beginning to its end, so that it may come from
// a pipe; layers go straight into the store.
//
// Digests stay as they are, in both directions: of layers, configurations and,
// but for Docker's older archives, which have none, of manifests.
//
// Archives are hostile input. Nothing of one is used before all of it was
// checked, and what it has brought is removed when a check fails: paths that
// lead out of it, links, files that are there twice or are not what their
// digests say, missing parts, indexes that are too large or too deep. Errors
// match [image.ErrInvalid], [image.ErrCorrupt], [image.ErrTooLarge] or
// [image.ErrNotFound], and are an *[image.Error] with the path in the archive
// where there is one.
package archive
