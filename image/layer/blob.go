package layer

import (
	"hash"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/sandkit/sandkit/image"
)

// blob reads the packed bytes, counts and hashes them.
type blob struct {
	r        io.Reader
	want     image.Descriptor
	digester digest.Digester
	hash     hash.Hash
	n, limit int64
	progress func(int64)
}

// readError is an error of the source, not of its content.
type readError struct{ err error }

// Error gives the cause.
func (e *readError) Error() string { return "read: " + e.err.Error() }

// Unwrap gives the cause.
func (e *readError) Unwrap() error { return e.err }

func newBlob(r io.Reader, want image.Descriptor, limit int64, progress func(int64)) (*blob, error) {
	algorithm := digest.Canonical
	if want.Digest != "" {
		if err := want.Digest.Validate(); err != nil {
			return nil, malformed("digest %q: %w", string(want.Digest), err)
		}
		algorithm = want.Digest.Algorithm()
	}
	d := algorithm.Digester()
	return &blob{r: r, want: want, digester: d, hash: d.Hash(), limit: limit, progress: progress}, nil
}

// Read reads on. What is more than the descriptor says is never looked at.
func (b *blob) Read(p []byte) (int, error) {
	if b.want.Size > 0 && int64(len(p)) > b.want.Size-b.n {
		p = p[:b.want.Size-b.n+1]
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	b.hash.Write(p[:n])
	if b.progress != nil && n > 0 {
		b.progress(b.n)
	}
	if b.want.Size > 0 && b.n > b.want.Size {
		return 0, &readError{b.sizeError()}
	}
	if err := within("packed size", b.n, b.limit); err != nil {
		return 0, &readError{err}
	}
	if err != nil && err != io.EOF {
		err = &readError{err}
	}
	return n, err
}

func (b *blob) sizeError() error {
	return &image.SizeError{Digest: b.want.Digest, Want: b.want.Size, Got: b.n}
}

// check reads what is left, and compares size and digest.
func (b *blob) check() (image.Digest, error) {
	if _, err := io.Copy(io.Discard, b); err != nil {
		return "", err
	}
	got := b.digester.Digest()
	switch {
	case b.want.Digest == "" && b.want.Size == 0:
	case b.n != b.want.Size && (b.want.Size > 0 || b.want.Digest != ""):
		return got, b.sizeError()
	case b.want.Digest != "" && got != b.want.Digest:
		return got, &image.DigestError{Want: b.want.Digest, Got: got}
	}
	return got, nil
}
