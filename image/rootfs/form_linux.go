package rootfs

import (
	"context"

	"github.com/sandkit/sandkit/internal/kernel"
)

// chooseForm finds out how layers are kept: as root in the way that is asked
// for, otherwise in the only possible one.
func chooseForm(_ context.Context, b Backend) (form, error) {
	host, err := kernel.Detect()
	if err != nil {
		return form{}, err
	}
	switch {
	case b == EROFS && !host.Privileged:
		return form{}, &kernel.NotSupportedError{Feature: "EROFS back end", Hint: "only root may mount EROFS; take the directory back end"}
	case !host.Privileged:
		return formUser, nil
	}
	return formDir, nil
}
