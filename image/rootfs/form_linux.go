package rootfs

import (
	"context"
	"errors"

	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/kernel"
)

// chooseForm finds out how layers are kept: as root in the way that is asked
// for, or the best one, otherwise in the only possible one.
func chooseForm(ctx context.Context, lease *store.Lease, b Backend) (form, error) {
	host, err := kernel.Detect()
	if err != nil {
		return form{}, err
	}
	switch {
	case b == EROFS && !host.Privileged:
		return form{}, &kernel.NotSupportedError{Feature: "EROFS back end", Hint: "only root may mount EROFS; take the directory back end"}
	case !host.Privileged:
		return formUser, nil
	case b == Directory:
		return formDir, nil
	}
	err = probeErofs(ctx, lease)
	switch {
	case err == nil:
		return formEROFS, nil
	case b == Auto && errors.Is(err, kernel.ErrNotSupported):
		return formDir, nil
	}
	return form{}, err
}
