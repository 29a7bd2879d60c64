package rootfs

import "io"

// A Source is what to mount for a layer, see [Layer.Source]. Close it when it
// is mounted.
type Source struct {
	// Path is the directory, the EROFS image, or a block device that has it.
	Path   string
	device io.Closer
}

// Close frees what the source holds; what is mounted stays. It is safe on nil.
func (s *Source) Close() error {
	if s == nil || s.device == nil {
		return nil
	}
	return s.device.Close()
}
