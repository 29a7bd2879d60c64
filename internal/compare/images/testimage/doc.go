// Package testimage makes an image of four layers that is like a real one: a
// distribution's root, a tree of many small files, a few large files, and a
// layer that takes away some of what is below.
//
//	o := testimage.Full("minbase.tar")
//	img, err := testimage.Build(ctx, s, ref, image.Gzip, o.Layers()...)
//
// It is the same each time, but for the bytes of its large files, which are
// those of the host's programs. A small one (Small) is for tests.
package testimage
