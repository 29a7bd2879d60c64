// Command images measures how images are handled, and by others in the same
// run, and prints each figure beside its target.
//
//	go run ./internal/compare/images            # as root
//	go run ./internal/compare/images -runs 3 -rows a,e
//	go run ./internal/compare/images -small     # whether it works
//
// Rows:
//
//	a  unpack an image that is there: the floor, which is decompressing and
//	   hashing alone; sandkit's back ends; umoci; tar, layer after layer
//	b  pull and unpack from a registry on the loopback: skopeo and umoci
//	c  the peak memory of that, also with a layer of 1 GiB
//	d  start a sandbox from an image that is there, and from a directory
//	e  make a layer of 2,000 changed files: tar, sha256sum and gzip; cp -a
//	f  20 processes that pull the same image into the same store
//
// The image has a minbase installation of Debian 12, 2,000 small files, 200 MB
// of large ones, and a layer with whiteouts (package testimage). debootstrap
// makes the installation once; it is kept in the user's cache directory. Without
// a network, a part of /usr takes its place, and the output says so.
//
// Everything is a process that is measured from its start to its end, on a new
// ext4 with a journal, which is in memory: nothing waits for a disk, and nothing
// that a run leaves behind is in the way of the next one. Kinds take turns;
// times are medians. What is not installed is n/a. All of this is mounted in a
// mount namespace of its own, so that nothing is left when the program is
// killed.
package main
