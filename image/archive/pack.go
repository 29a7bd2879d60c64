package archive

import (
	"errors"
	"fmt"
	"io"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
)

// unpack gives what is packed in r. The caller closes it; r stays open.
func unpack(r io.Reader, c image.Compression) (io.ReadCloser, error) {
	if c == image.Plain {
		return io.NopCloser(r), nil
	}
	source := &source{Reader: r}
	u, err := layer.NewUnpacker(source, "")
	if err != nil {
		return nil, source.blame(err)
	}
	return &unpacker{u, source}, nil
}

// source remembers whether reading failed.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// blame tells an error of the source from one of its content.
func (s *source) blame(err error) error {
	if s.err != nil || err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("%w: %w", image.ErrInvalid, err)
}

// unpacker marks errors of the content.
type unpacker struct {
	io.ReadCloser
	source *source
}

func (u *unpacker) Read(b []byte) (int, error) {
	n, err := u.ReadCloser.Read(b)
	return n, u.source.blame(err)
}
