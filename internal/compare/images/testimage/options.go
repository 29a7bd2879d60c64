package testimage

import "io"

// Options say what the image has. Small and Full give useful ones.
type Options struct {
	// Base is the path of a tar that is the lowest layer. If empty, a small
	// root is made up.
	Base string
	// Packages are the directories of the second layer with FilesEach files of
	// text. There must be at least two.
	Packages, FilesEach int
	// Binaries are the files of the third layer, of BinarySize bytes each.
	Binaries   int
	BinarySize int64
	// Programs is the directory that the binaries' bytes are from; /usr/bin if
	// empty.
	Programs string
}

// Full is the image that figures are about: over base, 2,000 small files in 400
// directories (10 MB), and 10 files of 20 MB.
func Full(base string) Options {
	return Options{Base: base, Packages: 400, FilesEach: 5, Binaries: 10, BinarySize: 20 << 20}
}

// Small is an image of the same kind that takes a moment: less than 1 MB.
func Small() Options {
	return Options{Packages: 8, FilesEach: 3, Binaries: 2, BinarySize: 128 << 10}
}

// A Layer writes a tar.
type Layer func(w io.Writer) error

// Layers are the layers of the image, the lowest first.
func (o Options) Layers() []Layer {
	return []Layer{o.Root, o.Text, o.Large, o.Removals}
}
