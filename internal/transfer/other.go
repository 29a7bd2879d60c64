//go:build !linux

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
)

func unsupported(op string) error { return fmt.Errorf("%s: Linux only: %w", op, errors.ErrUnsupported) }

// FS is for Linux only.
type FS struct{}

// NewFS is for Linux only.
func NewFS(*os.File, IDs) *FS { return new(FS) }

// Open is for Linux only.
func (*FS) Open(name string) (iofs.File, error) {
	return nil, &iofs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
}

// CopyIn is for Linux only.
func CopyIn(context.Context, *os.File, string, iofs.FS, CopyOptions) error {
	return unsupported("copy in")
}

// CopyOut is for Linux only.
func CopyOut(context.Context, *os.File, string, io.Writer, OutOptions) error {
	return unsupported("copy out")
}

// CopyOutTo is for Linux only.
func CopyOutTo(context.Context, *os.File, string, string, OutOptions) error {
	return unsupported("copy out")
}
