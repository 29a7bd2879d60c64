package layer

import "github.com/sandkit/sandkit/image"

// Limits bound what unpacking a layer may cost. A field that is 0 has the
// value of [DefaultLimits].
type Limits struct {
	Bytes     int64 // of the tar, holes in sparse files included
	FileBytes int64 // of one file
	Entries   int64 // in the tar
	Ratio     int64 // of uncompressed to compressed bytes, beyond the first RatioFree
	Depth     int64 // of directories
	Name      int64 // bytes of one component of a path
	Xattr     int64 // bytes of one extended attribute
	Xattrs    int64 // bytes of all of them
	Memory    int64 // that decompression may take for its window
}

// RatioFree is how much of a layer may be as compressible as it likes.
const RatioFree = 256 << 20

// DefaultLimits are far beyond real layers and within what machines have.
func DefaultLimits() Limits {
	return Limits{
		Bytes:     64 << 30,
		FileBytes: 64 << 30,
		Entries:   4 << 20,
		Ratio:     500,      // text rarely reaches 20; zeros 1,030 with gzip
		Depth:     1 << 10,  // PATH_MAX allows no more than 2,048
		Name:      255,      // NAME_MAX
		Xattr:     64 << 10, // XATTR_SIZE_MAX
		Xattrs:    64 << 20,
		Memory:    128 << 20, // zstd --ultra -22 needs it
	}
}

// withDefaults fills in what is 0.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ mine, std *int64 }{
		{&l.Bytes, &d.Bytes},
		{&l.FileBytes, &d.FileBytes},
		{&l.Entries, &d.Entries},
		{&l.Ratio, &d.Ratio},
		{&l.Depth, &d.Depth},
		{&l.Name, &d.Name},
		{&l.Xattr, &d.Xattr},
		{&l.Xattrs, &d.Xattrs},
		{&l.Memory, &d.Memory},
	} {
		if *f.mine == 0 {
			*f.mine = *f.std
		}
	}
	return l
}

// within is the error for a limit that was passed, or nil.
func within(what string, got, limit int64) error {
	if got <= limit {
		return nil
	}
	return &image.LimitError{What: what, Limit: limit, Got: got}
}
