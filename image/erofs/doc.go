// Package erofs writes and reads EROFS images, file systems in one file that
// Linux mounts read-only: 5.4 and newer from a block device, 6.12 and newer
// from the file itself.
//
// A [Writer] takes files in the order in which they come, say from a tar, and
// streams their content into the image. Only the tree of names is kept in
// memory, about 200 bytes and the name for each entry; it is written at the
// end. The same input gives the same bytes.
//
// A [Reader] gives the files of an image as an [io/fs.FS]. It reads what the
// Writer writes and other images that are not compressed. Images may come from
// anywhere: what is wrong in them leads to errors, never to a loop or to more
// memory than the image has bytes, times a small factor. Kernels are less
// patient; mount only images that were made here.
//
// Nothing in this package needs Linux.
package erofs
