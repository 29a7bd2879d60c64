package layer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"

	"github.com/sandkit/sandkit/image"
)

// A stream is a layer on its way: one goroutine reads, hashes and unpacks the
// packed bytes, one hashes the tar, and the reader of the stream takes the tar
// apart meanwhile. What is under way at any time are chunks*chunkSize bytes.
type stream struct {
	ctx    context.Context //nolint:containedctx // it ends with the call that made the stream
	blob   *blob
	o      *Options
	limits Limits

	free, filled, toHash chan *chunk
	stop                 chan struct{}
	stopOnce             sync.Once
	done                 sync.WaitGroup
	readErr              error // of unpacking; valid once filled is closed
	tar                  digest.Digester
	bytes                int64 // of the tar; valid once filled is closed

	current *chunk
	rest    []byte
}

const (
	chunks    = 8
	chunkSize = 256 << 10
)

// chunk is a piece of the tar that two goroutines read.
type chunk struct {
	buf     []byte
	n       int
	readers atomic.Int32
}

// newStream starts unpacking. The caller calls finish.
func newStream(ctx context.Context, r io.Reader, o *Options, l Limits) (*stream, error) {
	b, err := newBlob(r, o.Layer, l.Bytes+chunkSize, o.Progress)
	if err != nil {
		return nil, err
	}
	algorithm := digest.Canonical
	if o.DiffID != "" {
		if err := o.DiffID.Validate(); err != nil {
			return nil, malformed("diffID %q: %w", string(o.DiffID), err)
		}
		algorithm = o.DiffID.Algorithm()
	}
	s := &stream{
		ctx: ctx, blob: b, o: o, limits: l, tar: algorithm.Digester(), stop: make(chan struct{}),
		free: make(chan *chunk, chunks), filled: make(chan *chunk, chunks), toHash: make(chan *chunk, chunks),
	}
	for range chunks {
		s.free <- &chunk{buf: make([]byte, chunkSize)}
	}
	s.done.Go(func() {
		s.readErr = s.unpack()
		close(s.toHash)
		close(s.filled)
	})
	s.done.Go(func() {
		for c := range s.toHash {
			s.tar.Hash().Write(c.buf[:c.n])
			s.release(c)
		}
	})
	return s, nil
}

func (s *stream) release(c *chunk) {
	if c.readers.Add(-1) == 0 {
		s.free <- c
	}
}

// unpack fills chunks until the end.
func (s *stream) unpack() error {
	packed := bufio.NewReaderSize(s.blob, chunkSize)
	head, err := packed.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	compression, err := packedAs(head, s.o.Layer.MediaType)
	if err != nil {
		return err
	}
	u, err := newUnpacker(packed, compression, s.limits.Memory)
	if err != nil {
		return err
	}
	defer func() { _ = u.Close() }()
	for {
		var c *chunk
		select {
		case c = <-s.free:
		case <-s.stop:
			return nil
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
		n, err := fill(u, c.buf)
		s.bytes += int64(n)
		c.n = n
		c.readers.Store(2)
		s.toHash <- c
		s.filled <- c
		if err := s.within(); err != nil {
			return err
		}
		if err == io.EOF { //nolint:errorlint // a reader's end is io.EOF itself
			return nil
		}
		if err != nil {
			return unpackError(compression, s.limits.Memory, err)
		}
	}
}

// fill reads until buf is full or there is an error, which may be io.EOF.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for empty := 0; n < len(buf) && err == nil; {
		var m int
		m, err = r.Read(buf[n:])
		n += m
		if m > 0 {
			empty = 0
		} else if empty++; empty == 100 && err == nil {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

// within checks size and ratio of what was unpacked.
func (s *stream) within() error {
	if err := within("size of the layer", s.bytes, s.limits.Bytes); err != nil {
		return err
	}
	if s.bytes > RatioFree {
		return within("compression ratio", s.bytes/max(s.blob.n, 1), s.limits.Ratio)
	}
	return nil
}

// Read gives the tar.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		s.recycle()
		c, ok := <-s.filled
		if !ok {
			if s.readErr != nil {
				return 0, s.readErr
			}
			return 0, io.EOF
		}
		s.current, s.rest = c, c.buf[:c.n]
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *stream) recycle() {
	if s.current != nil {
		s.release(s.current)
		s.current, s.rest = nil, nil
	}
}

// finish ends the stream, and gives the verdict on it. Content that cannot be
// read is often a blob that is not what it should be, so that its digest is
// looked at even then: cause is the error met so far.
func (s *stream) finish(cause error, info *Info) error {
	if cause == nil {
		_, cause = io.Copy(io.Discard, s)
	}
	s.abandon()
	if cause == nil || errors.Is(cause, image.ErrInvalid) && s.o.Layer.Digest != "" {
		digest, err := s.blob.check()
		if err != nil && cause != nil {
			return fmt.Errorf("%w (%w)", err, cause)
		}
		if err != nil {
			return err
		}
		info.Digest = digest
	}
	if cause != nil {
		return cause
	}
	info.DiffID, info.Size, info.Bytes = s.tar.Digest(), s.blob.n, s.bytes
	if want := s.o.DiffID; want != "" && want != info.DiffID {
		return &image.DigestError{What: "diffID", Want: want, Got: info.DiffID}
	}
	return nil
}

// abandon ends the goroutines.
func (s *stream) abandon() {
	s.stopOnce.Do(func() { close(s.stop) })
	s.recycle()
	for c := range s.filled {
		s.release(c)
	}
	s.done.Wait()
}
