// Package store keeps images on disk, by the digests of their content, for
// many processes at once and without a daemon.
//
//	s, err := store.Open(dir)
//	lease, err := s.Lease(ctx)        // what is added under it is safe from collection
//	defer lease.Release()
//	desc, err := lease.Put(ctx, image.MediaTypeOCIManifest, raw)
//	err = lease.Tag(ctx, ref, desc)   // now the image keeps its blobs
//
// # What is kept how long
//
// The table of images names manifests and indexes, and so keeps their
// configurations, layers and unpacked trees. An image that loses its last tag
// to another one stays, as Docker's dangling images do, until [Store.Prune] or
// [Store.Remove]. A [Lease] keeps what it names as long as its process lives:
// it is a lock on an open file, which the kernel drops with its owner. What
// nothing keeps is removed by the next [Store.Collect], and what an image alone
// has, with the image.
//
// # The directory
//
//	version, oci-layout     the format
//	index.json              the table of images, replaced as a whole
//	blobs/sha256/HEX        content; it is an OCI layout that other programs can read
//	ingest/                 content that is being written, and what is left of it
//	layers/KIND.sha256.HEX  unpacked trees; unpack/ has those that are being made
//	leases/                 one locked file each
//	trash/                  what is about to be removed
//	lock                    one byte is locked by those who add and by those who remove
//
// Only the user whose directory it is may use it.
//
// # Killed programs and power cuts
//
// A file gets its name when it is complete, by rename(2). So a process that is
// killed at any moment leaves at most things that the next collection removes.
// The same holds for a power cut: the content of a blob, of the table of images
// and of an unpacked layer is on the disk before its name (fdatasync, or syncfs
// for a tree), and the names of blobs before a table that needs them. [NoSync]
// gives that up for speed, and [Store.Verify] finds the damage.
package store
