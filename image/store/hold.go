package store

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sandkit/sandkit/image"
)

// Image is [Store.Image], and keeps the image with all that it refers to. It
// may be removed in between, and come back as another one; what is given is
// there and stays.
func (l *Lease) Image(ctx context.Context, name string, platform image.Platform) (image.Image, error) {
	for {
		img, err := l.store.Image(ctx, name, platform)
		if err != nil {
			return nil, err
		}
		err = l.Keep(ctx, img.Descriptor())
		if err == nil || !errors.Is(err, image.ErrNotFound) {
			return img, err
		}
	}
}

// Generation changes whenever an image is added, removed, or gets or loses a
// name: as long as it is the same, names mean what they meant. It is empty for
// a store without images.
func (s *Store) Generation() (string, error) {
	st, err := os.Stat(s.path(tableFile))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look at table of images: %w", err)
	}
	return fmt.Sprint(changed(st).UnixNano(), st.Size()), nil
}

// Clear lets go of all that the lease keeps, which it may keep again; the lease
// goes on.
func (l *Lease) Clear(ctx context.Context) error {
	g, err := l.store.share(ctx)
	if err != nil {
		return fmt.Errorf("clear lease: %w", err)
	}
	defer g.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return fmt.Errorf("clear lease: %w", ErrReleased)
	}
	if err := l.store.files.truncate(l.file); err != nil {
		return fmt.Errorf("clear lease: %w", err)
	}
	clear(l.kept)
	clear(l.added)
	return nil
}
