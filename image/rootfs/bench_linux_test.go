package rootfs

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/testutil"
)

// benchImage is an image of four layers: programs and libraries of the host,
// and what a build does to them.
func benchImage(b *testing.B, s *store.Store) (img image.Image, size int64) {
	b.Helper()
	var tars [][]byte
	for _, dirs := range [][]string{{"usr/sbin", "usr/share/perl"}, {"usr/lib/python3"}, {"usr/share/doc"}} {
		raw, err := exec.CommandContext(b.Context(), "tar", append([]string{"--format=posix", "-C", "/", "-c"}, dirs...)...).Output()
		if err != nil && len(raw) == 0 {
			b.Skip(err)
		}
		tars = append(tars, raw)
	}
	tars = append(tars, items{dir("etc"), file("etc/motd", "hello\n"), dir("usr"), dir("usr/share"), gone("usr/share/doc")}.tar(b))
	for _, raw := range tars {
		size += int64(len(raw))
	}
	return addTars(b, s, "bench", tars...), size
}

// BenchmarkUnpack unpacks an image to a fresh store each time. Nothing is
// removed meanwhile, since that makes file systems slow.
func BenchmarkUnpack(b *testing.B) {
	for _, backend := range backends() {
		b.Run(backend.String(), func(b *testing.B) {
			from := newStore(b, Options{Backend: EROFS})
			img, size := benchImage(b, from)
			b.SetBytes(size)
			dir := b.TempDir()
			for i := 0; b.Loop(); i++ {
				s, err := store.Open(filepath.Join(dir, fmt.Sprint(i)), store.NoSync())
				must(b, err)
				lease, err := s.Lease(b.Context())
				must(b, err)
				_, err = Unpack(b.Context(), lease, img, Options{Backend: backend})
				must(b, err)
				must(b, lease.Release())
			}
		})
	}
}

// BenchmarkUnpacked looks for an image that is unpacked.
func BenchmarkUnpacked(b *testing.B) {
	for _, backend := range backends() {
		b.Run(backend.String(), func(b *testing.B) {
			s := newStore(b, Options{Backend: EROFS})
			img, _ := benchImage(b, s)
			unpack(b, s, img, Options{Backend: backend})
			for b.Loop() {
				lease, err := s.Lease(b.Context())
				must(b, err)
				_, err = Unpack(b.Context(), lease, img, Options{Backend: backend})
				must(b, err)
				must(b, lease.Release())
			}
		})
	}
}

// BenchmarkMount makes views of an unpacked image of four layers: of the stack
// alone, in the way of older kernels, and all that Mount does.
func BenchmarkMount(b *testing.B) {
	testutil.NeedRoot(b)
	for _, backend := range backends() {
		s := newStore(b, Options{Backend: EROFS})
		img, _ := benchImage(b, s)
		stack := unpack(b, s, img, Options{Backend: backend})
		for _, writable := range []bool{false, true} {
			o := &MountOptions{Writable: writable, Unpack: Options{Backend: backend}}
			name := fmt.Sprintf("%s/writable=%v/", backend, writable)
			b.Run(name+"stack", func(b *testing.B) {
				for b.Loop() {
					fd, err := stack.mountDetached(o)
					must(b, err)
					must(b, fd.Close())
				}
			})
			b.Run(name+"aside", func(b *testing.B) {
				for b.Loop() {
					fd, err := stack.mountAside(o)
					must(b, err)
					must(b, fd.Close())
				}
			})
			b.Run(name+"all", func(b *testing.B) {
				for b.Loop() {
					v, err := Mount(context.Background(), s, "bench", *o)
					must(b, err)
					must(b, v.Close())
				}
			})
		}
	}
}
