package rootfs

import (
	"errors"
	"io"
	"os"

	"github.com/sandkit/sandkit/image/layer"
)

// OpenLayers opens the layers, the lowest first, as [layer.Diff] and
// [layer.Open] take them: directories, and files with EROFS images. The caller
// calls done when they are not needed any more.
func (s *Stack) OpenLayers() (layers []*os.File, done func() error, err error) {
	done = func() error {
		var errs []error
		for _, f := range layers {
			errs = append(errs, f.Close())
		}
		return errors.Join(errs...)
	}
	for _, l := range s.Layers {
		f, err := os.Open(l.Path)
		if err != nil {
			return nil, nil, errors.Join(err, done())
		}
		layers = append(layers, f)
	}
	return layers, done, nil
}

// Open opens a regular file as a mount of the layers would show it. Symbolic
// links are followed inside the root. The caller closes it.
func (s *Stack) Open(name string) (io.ReadCloser, error) {
	layers, done, err := s.OpenLayers()
	if err != nil {
		return nil, err
	}
	f, err := layer.Open(s.Format, layers, name)
	if err != nil {
		return nil, errors.Join(err, done())
	}
	return stackFile{f, done}, nil
}

// stackFile is a file in one of the layers, which may be an image that has to
// stay open.
type stackFile struct {
	io.ReadCloser
	done func() error
}

// Close closes the file, and the layers.
func (f stackFile) Close() error { return errors.Join(f.ReadCloser.Close(), f.done()) }
