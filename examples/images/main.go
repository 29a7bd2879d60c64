// Command images makes an image, runs it, changes it, commits the change as a
// new image, and saves both as an archive. It needs no registry and no network,
// but busybox: apt-get install busybox-static.
package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"strings"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/archive"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/sandbox"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
	sandbox.Trim()
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "images")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	images, err := store.Open(dir + "/store")
	if err != nil {
		return err
	}
	// As docker import: an image of a root file system.
	if err := importTool(ctx, images); err != nil {
		return err
	}
	// As docker run: what it writes is gone with it.
	out, err := sandbox.Output(ctx, sandbox.WithImage("tool:1"), sandbox.WithImageStore(images),
		sandbox.WithCommand("sh", "-c", "touch /new && id -u && pwd && ls /"))
	if err != nil {
		return err
	}
	fmt.Printf("tool:1 says:\n%s", out)
	if err := commit(ctx, images); err != nil {
		return err
	}
	out, err = sandbox.Output(ctx, sandbox.WithImage("tool:2"), sandbox.WithImageStore(images))
	if err != nil {
		return err
	}
	fmt.Printf("tool:2 says: %s", out)
	// As docker save and docker images.
	size := counter(0)
	if err := archive.Export(ctx, images, &size, archive.ExportOptions{}, "tool:1", "tool:2"); err != nil {
		return err
	}
	all, err := images.List(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d images in an archive of %d KiB\n", len(all), size>>10)
	report, err := images.Prune(ctx, true)
	if err != nil {
		return err
	}
	fmt.Printf("%d images removed\n", len(report.Deleted))
	return nil
}

// commit is docker run, docker cp and docker commit.
func commit(ctx context.Context, images *store.Store) (err error) {
	sb, err := sandbox.New(sandbox.WithImage("tool:1"), sandbox.WithImageStore(images), sandbox.WithCommand("sh", "-c", "echo hello > /greeting"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sb.Close()) }()
	if err := sb.Start(ctx); err != nil {
		return err
	}
	if _, err := sb.Wait(ctx); err != nil {
		return err
	}
	ref, err := image.ParseRef("tool:2")
	if err != nil {
		return err
	}
	img, err := sb.Commit(ctx, image.CommitOptions{Ref: ref, Message: "greets", Changes: []string{`CMD ["cat", "/greeting"]`}})
	if err != nil {
		return err
	}
	fmt.Printf("committed %s with %d layers\n", ref.Familiar(), len(img.Layers()))
	return nil
}

// importTool makes an image of busybox.
func importTool(ctx context.Context, images *store.Store) error {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("%w (apt-get install busybox-static)", err)
	}
	ref, err := image.ParseRef("tool:1")
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeRoot(w, path)) }()
	_, err = archive.ImportRoot(ctx, images, r, archive.RootOptions{Ref: ref, Changes: []string{"WORKDIR /work", "ENV GREETING=hello"}})
	return errors.Join(err, r.Close())
}

// writeRoot writes a root file system as a tar.
func writeRoot(out io.Writer, busybox string) error {
	content, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	errs := []error{
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "bin", Mode: 0o755}),
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(content))}),
	}
	_, err = w.Write(content)
	errs = append(errs, err)
	for tool := range strings.FieldsSeq("sh id ls pwd touch cat") {
		errs = append(errs, w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + tool, Linkname: "busybox"}))
	}
	return errors.Join(append(errs, w.Close())...)
}

// counter counts what is written to it.
type counter int64

// Write counts.
func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
