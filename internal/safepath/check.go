package safepath

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Limits of the kernel (linux/limits.h), without the NUL that ends a path.
const (
	maxPath = 4095
	maxName = 255
)

// Clean checks a path that is meant inside a sandbox and gives its shortest
// form. It must be absolute, without "..", without NUL, and short enough for
// the kernel.
func Clean(p string) (string, error) {
	switch {
	case p == "":
		return "", errors.New("path is empty")
	case strings.IndexByte(p, 0) >= 0:
		return "", fmt.Errorf("path %q contains a NUL byte", p)
	case len(p) > maxPath:
		return "", fmt.Errorf("path of %d bytes is longer than %d", len(p), maxPath)
	case p[0] != '/':
		return "", fmt.Errorf("path %q is not absolute", p)
	}
	for name := range strings.SplitSeq(p, "/") {
		if name == ".." {
			return "", fmt.Errorf("path %q contains \"..\"", p)
		}
		if len(name) > maxName {
			return "", fmt.Errorf("path %.40q... has a component longer than %d bytes", p, maxName)
		}
	}
	return path.Clean(p), nil
}
