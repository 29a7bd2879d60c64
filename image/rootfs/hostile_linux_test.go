package rootfs

import (
	"os"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
)

// corrupt changes a byte of a blob.
func corrupt(tb testing.TB, s *store.Store, d image.Descriptor, i int) {
	tb.Helper()
	path := s.Dir() + "/blobs/sha256/" + d.Digest.Encoded()
	must(tb, os.Chmod(path, 0o600))
	b, err := os.ReadFile(path)
	must(tb, err)
	if len(b) > 0 {
		b[(17+i)%len(b)] ^= 1
	}
	must(tb, os.WriteFile(path, b, 0o600))
}
