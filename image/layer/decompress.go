package layer

import (
	"bufio"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sandkit/sandkit/image"
)

// Detect says how bytes are packed, by the first of them.
func Detect(head []byte) image.Compression {
	switch {
	case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		return image.Gzip
	case len(head) >= 4 && head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd,
		len(head) >= 4 && head[0]&0xf0 == 0x50 && head[1] == 0x2a && head[2] == 0x4d && head[3] == 0x18:
		return image.Zstd // the second is a frame to be skipped
	}
	return image.Plain
}

// packedAs checks how bytes are packed against the media type, which may be
// empty.
func packedAs(head []byte, mediaType string) (image.Compression, error) {
	found := Detect(head)
	if mediaType == "" {
		return found, nil
	}
	want, err := image.LayerCompression(mediaType)
	if err != nil {
		return found, err
	}
	if found != want {
		return found, &image.MediaTypeError{What: "layer", Want: mediaType, Got: "content packed with " + found.String()}
	}
	return found, nil
}

// unpacker gives the tar of a packed stream.
type unpacker struct {
	io.Reader
	close func()
}

// newUnpacker starts unpacking. gzip is klauspost's because it inflates half
// as fast again as the standard library's; zstd because there is no other.
func newUnpacker(r *bufio.Reader, c image.Compression, memory int64) (*unpacker, error) {
	switch c {
	case image.Gzip:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, unpackError(c, memory, err)
		}
		return &unpacker{z, func() {}}, nil
	case image.Zstd:
		z, done, err := newZstd(r, memory)
		if err != nil {
			return nil, unpackError(c, memory, err)
		}
		return &unpacker{z, done}, nil
	case image.Plain:
	}
	return &unpacker{r, func() {}}, nil
}

// zstdDecoders are those that nobody uses, for as long as the garbage collector
// leaves them: each has a window of some MiB.
var zstdDecoders sync.Pool

// newZstd gives a decoder, and what ends its use.
func newZstd(r io.Reader, memory int64) (z *zstd.Decoder, done func(), err error) {
	if memory != DefaultLimits().Memory {
		z, err = makeZstd(r, memory)
		return z, z.Close, err
	}
	z, ok := zstdDecoders.Get().(*zstd.Decoder)
	if ok {
		err = z.Reset(r)
	} else {
		z, err = makeZstd(r, memory)
	}
	return z, func() {
		if z.Reset(nil) == nil {
			zstdDecoders.Put(z)
		}
	}, err
}

// makeZstd makes one of one goroutine: more are slower, as the stages beside it
// use the cores.
func makeZstd(r io.Reader, memory int64) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(uint64(memory)), zstd.WithDecoderMaxWindow(uint64(memory)))
}

// unpackError names what failed to unpack, unless reading the source did.
func unpackError(c image.Compression, memory int64, err error) error {
	switch {
	case err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return &image.LimitError{What: "memory for decompression", Limit: memory}
	}
	if _, ok := errors.AsType[*readError](err); ok {
		return err
	}
	return malformed("unpack %s: %w", c, err)
}
