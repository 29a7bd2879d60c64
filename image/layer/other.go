//go:build !linux

package layer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

func unsupported(op string) error {
	return fmt.Errorf("%s layer: Linux only: %w", op, errors.ErrUnsupported)
}

// Apply is for Linux only.
func Apply(context.Context, *os.File, io.Reader, Options) (*Info, error) {
	return nil, unsupported("unpack")
}

// Staged is for Linux only.
type Staged struct{}

// Stage is for Linux only.
func Stage(context.Context, *os.File, io.Reader, Options) (*Staged, error) {
	return nil, unsupported("unpack")
}

// Info is for Linux only.
func (*Staged) Info() *Info { return new(Info) }

// Settle is for Linux only.
func (*Staged) Settle([]*os.File) (bool, error) { return false, unsupported("settle") }

// Finish is for Linux only.
func (*Staged) Finish() error { return unsupported("finish image of") }

// Tree is for Linux only.
func Tree(Format, ...*os.File) ([]Entry, error) { return nil, unsupported("list") }

// Settle is for Linux only.
func Settle(*os.File, []*os.File, *Info, Format) (bool, error) { return false, unsupported("settle") }

// Diff is for Linux only.
func Diff(context.Context, io.Writer, *os.File, []*os.File, DiffOptions) (*DiffInfo, error) {
	return nil, unsupported("diff")
}

// Open is for Linux only.
func Open(Format, []*os.File, string) (io.ReadCloser, error) { return nil, unsupported("open file of") }

// Fits is for Linux only.
func Fits(*os.File, []*os.File, *Info, Format) (bool, error) { return false, unsupported("settle") }

// Extract is for Linux only.
func Extract(context.Context, *os.File, []*os.File, string, ExtractOptions) error {
	return unsupported("copy from")
}

// Changes is for Linux only.
func Changes(context.Context, *os.File, []*os.File, ChangesOptions) ([]Change, error) {
	return nil, unsupported("compare")
}
