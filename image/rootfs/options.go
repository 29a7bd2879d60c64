package rootfs

import (
	"fmt"
	"runtime"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
)

// A Backend is how unpacked layers are kept.
type Backend int

const (
	// Auto is EROFS where the host can mount it, otherwise Directory.
	Auto Backend = iota
	// EROFS keeps a layer as one file, an image that the kernel mounts (Linux
	// 5.8 with a loop device, 6.12 without). It takes root. What has no room in
	// an image is a directory nevertheless, see Layer.Kind.
	EROFS
	// Directory keeps a layer as a directory tree. Anybody can have it.
	Directory
)

// String is the back end's name.
func (b Backend) String() string {
	switch b {
	case Auto:
		return "auto"
	case EROFS:
		return "erofs"
	case Directory:
		return "directory"
	}
	return fmt.Sprintf("Backend(%d)", int(b))
}

// Options say how layers are unpacked. The zero value is fine.
type Options struct {
	Backend Backend
	// Limits bound what each layer may cost.
	Limits layer.Limits
	// Concurrency is how many layers are unpacked at once; 0 means as many as
	// there are CPUs.
	Concurrency int
	// Progress, when not nil, is told of each layer that is unpacked, with the
	// digest and the number of its packed bytes.
	Progress image.ProgressFunc

	fault func(step string) error // of tests: called before each step
}

// step lets tests break, or die, before something is done.
func (o *Options) step(name string) error {
	if o.fault == nil {
		return nil
	}
	return o.fault(name)
}

func (o Options) check() error {
	if o.Backend < Auto || o.Backend > Directory {
		return fmt.Errorf("unpack: backend %d: %w", int(o.Backend), image.ErrInvalid)
	}
	if o.Concurrency < 0 {
		return fmt.Errorf("unpack: concurrency %d: %w", o.Concurrency, image.ErrInvalid)
	}
	return nil
}

func (o Options) concurrency() int {
	if o.Concurrency > 0 {
		return o.Concurrency
	}
	return runtime.GOMAXPROCS(0)
}
