//go:build !linux

package archive

import "os"

const openFlags = os.O_RDONLY
