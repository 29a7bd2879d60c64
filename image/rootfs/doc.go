// Package rootfs makes root file systems of images: it unpacks the layers of an
// image in a store, each once, and stacks them.
//
//	stack, err := rootfs.Unpack(ctx, lease, img, rootfs.Options{})
//	for _, l := range stack.Layers { ... } // lower directories for overlayfs
//
// [Unpacker] does the same while the layers are being downloaded, and [Mount]
// shows the result without a sandbox.
//
// # Which trees are shared
//
// A layer is unpacked for itself, in parallel with the others. That is not the
// whole truth about it: its hard links may mean files of layers below, what it
// puts into "lib" belongs elsewhere when "lib" is a link below, and a whiteout
// that hides nothing must not be there. So a tree is kept by what it depends on:
//
//   - A layer that depends on nothing is kept by its diffID, for every image.
//   - A layer that does depend on those below, but for which they change nothing,
//     is kept by its diffID, too, as it is. That it fits is noted for this chain
//     of layers only. Over another chain the question is asked again, with the
//     layers below open, and where the answer is different, the layer gets
//     another tree.
//   - What was changed to fit is kept by its chain id (image.ChainIDs): it is for
//     this chain, which the id names. The lowest layer's chain id is its diffID,
//     so that chains have kinds of keys of their own.
//   - What no tree of its own can express (a directory through something that is
//     none below) is unpacked with all that is below it into one tree, kept by
//     the chain id.
//
// So the same tree never stands for two meanings, in whatever order images come.
//
// # Killed programs
//
// A tree gets its name in the store when it is complete. What a killed process
// was about to unpack is of no use to anybody, and [store.Store.Collect] removes
// it. A process that finds a layer being unpacked by another one does other
// layers first, then waits for it, and holds nothing meanwhile that somebody
// else could wait for.
package rootfs
