package sandbox

import (
	"context"
	"errors"

	"github.com/sandkit/sandkit/internal/kernel"
)

// Probe finds out what this host can do, with reasons. It also tries what
// matters most, a user namespace, which security modules can forbid without
// saying so.
func Probe(ctx context.Context) (Features, error) {
	f, err := kernel.Detect()
	if err != nil {
		return Features{}, err
	}
	try := Feature{Name: "own user namespace", Since: "3.8", OK: true}
	if _, err := ownUsers(ctx, f.Privileged); err != nil {
		if ctx.Err() != nil {
			return Features{}, errors.Join(ctx.Err(), err)
		}
		try.OK, try.Reason = false, err.Error()
	}
	f.List = append(f.List, try)
	return f, nil
}
