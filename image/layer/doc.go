// Package layer turns the layers of images into directories, and the changes
// in a directory into a layer.
//
// A layer is a tar of what it adds to the layers below, with names that say
// what it takes away. [Apply] unpacks one in a single pass over the packed
// bytes, while their digest, their size and the digest of the tar are checked.
// It is hostile input: no name, link or sequence of entries reaches anything
// outside of the directory, and [Limits] bound what it may cost.
//
// Layers are unpacked side by side, each for itself, in the form that
// overlayfs takes as lower directories ([OverlayTrusted], [OverlayUser]), or
// one after the other into the same directory ([Flat]). Both give the same
// tree. For that, a layer that is on its own cannot know everything: what a
// directory is that it puts a file into, but does not describe. [Info] says
// what is open, and [Settle] settles it once the layers below are there.
//
// [Stage] unpacks a layer to an EROFS image instead: one file to write and to
// delete, however many the layer has. Its directories wait in memory until the
// layers below are known. Both back ends take the same decisions on the same
// entries, and [Tree], Settle and Diff read directories and images alike.
//
// [Diff] goes the other way: from the upper directory of an overlay to a tar,
// the same bytes for the same tree.
package layer
