package volume

import "github.com/sandkit/sandkit/internal/kernel"

// limit sets the size limit of an empty directory.
func (s *Store) limit(_ string, v *Volume) error {
	if v.SizeLimit == 0 {
		return nil
	}
	return &kernel.NotSupportedError{
		Feature: "size limit of volume " + v.Name,
		Hint:    "leave it out, or use a tmpfs with a size (fs.Tmpfs), or put the store on a file system of its own",
	}
}
