package layer

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sandkit/sandkit/image"
)

// NewPacker packs what is written to it: the same bytes for the same content.
// Close ends the stream and leaves w open.
func NewPacker(w io.Writer, c image.Compression) (io.WriteCloser, error) {
	switch c {
	case image.Gzip:
		return gzip.NewWriter(w), nil
	case image.Zstd:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	case image.Plain:
		return plainPacker{w}, nil
	}
	return nil, &image.MediaTypeError{What: "layer", Got: string(c)}
}

type plainPacker struct{ io.Writer }

// Close does nothing.
func (plainPacker) Close() error { return nil }

// NewUnpacker gives the tar in a packed stream, however it is packed; a media
// type that is not empty must say the same. Close ends the reading and leaves
// r open. The tar has no bounds: limiting it is the caller's.
func NewUnpacker(r io.Reader, mediaType string) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, chunkSize)
	head, err := b.Peek(4)
	if err != nil && len(head) == 0 && err != io.EOF { //nolint:errorlint // a reader's end is io.EOF itself
		return nil, err
	}
	c, err := packedAs(head, mediaType)
	if err != nil {
		return nil, err
	}
	u, err := newUnpacker(b, c, DefaultLimits().Memory)
	if err != nil {
		return nil, err
	}
	return u, nil
}

// Close ends the reading.
func (u *unpacker) Close() error {
	u.close()
	return nil
}

// MediaType is the OCI's name for a layer that is packed like that.
func MediaType(c image.Compression) (string, error) {
	switch c {
	case image.Plain:
		return image.MediaTypeOCILayer, nil
	case image.Gzip:
		return image.MediaTypeOCILayerGzip, nil
	case image.Zstd:
		return image.MediaTypeOCILayerZstd, nil
	}
	return "", &image.MediaTypeError{What: "layer", Got: string(c)}
}
