package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/registry"
	"github.com/sandkit/sandkit/image/registry/registrytest"
	"github.com/sandkit/sandkit/image/store"
)

// A program pulls an image, gives it another name, and pushes it.
func Example() {
	server := httptest.NewServer(exampleRegistry()) // on the loopback, no TLS is fine
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	if err := pullAndPush(context.Background(), host); err != nil {
		log.Fatal(err)
	}
	// Output:
	// pulled an image of 1 layers for linux/amd64
	// pushed the same: true
}

func pullAndPush(ctx context.Context, host string) (err error) {
	dir, err := os.MkdirTemp("", "sandkit-example-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	lease, err := s.Lease(ctx) // keeps what is pulled while it is used
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	client, err := registry.New(registry.Options{Auth: registry.NoAuth()})
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	from, err := image.ParseRef(host + "/team/app:1")
	if err != nil {
		return err
	}
	img, err := client.Pull(ctx, lease, from, registry.PullOptions{Platform: image.Platform{OS: "linux", Architecture: "amd64"}})
	if err != nil {
		return err
	}
	fmt.Printf("pulled an image of %d layers for %s\n", len(img.Layers()), img.Config().Platform())
	to, err := from.WithTag("tested")
	if err != nil {
		return err
	}
	pushed, err := client.Push(ctx, s, from.String(), to, registry.PushOptions{})
	if err != nil {
		return err
	}
	fmt.Println("pushed the same:", pushed.Digest == img.Descriptor().Digest)
	return nil
}

func exampleRegistry() *registrytest.Registry {
	r := registrytest.New()
	r.AddImage("team/app", "1", registrytest.Image{
		Platform: image.Platform{OS: "linux", Architecture: "amd64"}, Layers: [][]byte{make([]byte, 1024)},
	})
	return r
}

// counter counts the bytes of layers while they are downloaded; something
// useful would unpack them.
type counter struct{}

func (counter) Feed(_ context.Context, l image.Layer, r io.Reader) error {
	n, err := io.Copy(io.Discard, r)
	fmt.Println(l.Descriptor().MediaType, n)
	return err
}

// Layers are unpacked while they are downloaded.
func ExampleConsumer() {
	server := httptest.NewServer(exampleRegistry())
	defer server.Close()
	ctx := context.Background()
	ref, err := image.ParseRef(strings.TrimPrefix(server.URL, "http://") + "/team/app:1")
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "sandkit-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := store.Open(dir)
	if err != nil {
		log.Print(err)
		return
	}
	lease, err := s.Lease(ctx)
	if err != nil {
		log.Print(err)
		return
	}
	client, err := registry.New(registry.Options{Auth: registry.NoAuth()})
	if err != nil {
		log.Print(err)
		return
	}
	defer client.CloseIdle()
	_, err = client.Pull(ctx, lease, ref, registry.PullOptions{
		Consumer: func(context.Context, *store.Lease, image.Image) (registry.Consumer, error) { return counter{}, nil },
	})
	if err := errors.Join(err, lease.Release()); err != nil {
		log.Print(err)
	}
	// Output: application/vnd.oci.image.layer.v1.tar 1024
}
