package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/sandkit/sandkit/fs"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/undo"
	"github.com/sandkit/sandkit/sandbox/volume"
)

// copyUp copies what the root has at a path, if anything.
func (s *Sandbox) copyUp(ctx context.Context, dir *os.File, target string, img *rooted) (err error) {
	f, err := kernel.Detect()
	if err != nil {
		return err
	}
	layers, format, done, err := openLowers(img, &s.spec.Root, f.Privileged)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	err = layer.Extract(ctx, dir, layers, path.Clean(target), layer.ExtractOptions{Format: format, Rootless: !f.Privileged})
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("a volume cannot be mounted over a file: %w", err)
	case len(layers) == 0, errors.Is(err, syscall.ENOENT):
		return volume.Nothing()
	}
	return err
}

// openLowers opens what lies below the changes of a root, the lowest first. The
// host's tools are no layers.
func openLowers(img *rooted, root *fs.Root, privileged bool) (layers []*os.File, format layer.Format, done func() error, err error) {
	if img != nil {
		layers, done, err = img.stack.OpenLayers()
		return layers, img.stack.Format, done, err
	}
	done = func() error {
		var errs undo.Errors
		for _, f := range layers {
			errs.Add(f.Close())
		}
		return errs.Err()
	}
	if format = layer.OverlayUser; privileged {
		format = layer.OverlayTrusted
	}
	sources := root.Layers
	if root.Dir != "" {
		sources = []fs.Layer{{Source: root.Dir}}
	}
	for _, l := range sources {
		f, err := os.Open(l.Source)
		if err != nil {
			return nil, format, nil, errors.Join(err, done())
		}
		layers = append(layers, f)
	}
	return layers, format, done, nil
}

// createSource makes the directory that is to be mounted, with those that lead to
// it.
func createSource(dir string, onError *undo.Stack) error {
	var missing []string
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		_, err := os.Stat(at)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) || at == filepath.Dir(at) {
			return fmt.Errorf("source: %w", err)
		}
		missing = append(missing, at)
	}
	for _, at := range slices.Backward(missing) {
		err := os.Mkdir(at, 0o755)
		if errors.Is(err, os.ErrExist) {
			continue // another sandbox was faster
		}
		if err != nil {
			return fmt.Errorf("make source: %w", err)
		}
		onError.Push("remove source", func() error {
			if err := os.Remove(at); !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
				return err
			}
			return nil
		})
	}
	return nil
}
