package logs

import (
	"fmt"
	"io/fs"
	"strconv"
)

// JSONFileOptions say how large a log may become. The zero value is one file
// without a limit, as with Docker.
type JSONFileOptions struct {
	// MaxSize is how many bytes a file may have before the next one is begun; the
	// last entry may go beyond it. Zero: no limit.
	MaxSize int64
	// MaxFiles is how many files there may be, the one that is written included;
	// the oldest is removed. Zero is one: when it is full, it is removed.
	MaxFiles int
	// Compress packs files that are full with gzip, in the background. It needs
	// MaxSize and at least two MaxFiles. A file that is full while the one before
	// it is still being packed waits for that, and the writer with it.
	Compress bool
	// Mode has the permissions of new files, which the process's umask takes some
	// from. Zero: 0640, as with Docker.
	Mode fs.FileMode
}

const defaultMode = 0o640

// Validate gives a [*FieldError] for the first value that makes no sense.
func (o JSONFileOptions) Validate() error {
	switch {
	case o.MaxSize < 0:
		return &FieldError{"MaxSize", fmt.Sprint(o.MaxSize), "negative; 0 is no limit"}
	case o.MaxFiles < 0:
		return &FieldError{"MaxFiles", strconv.Itoa(o.MaxFiles), "negative; 0 is one file"}
	case o.Compress && o.MaxFiles < 2:
		return &FieldError{"Compress", "true", "needs MaxFiles of at least 2"}
	case o.Compress && o.MaxSize == 0:
		return &FieldError{"Compress", "true", "needs MaxSize"}
	case o.Mode&^fs.ModePerm != 0:
		return &FieldError{"Mode", o.Mode.String(), "has more than permissions"}
	case o.Mode != 0 && o.Mode&0o600 != 0o600:
		return &FieldError{"Mode", fmt.Sprintf("%#o", o.Mode), "the owner has to read and write it"}
	}
	return nil
}

func (o JSONFileOptions) withDefaults() JSONFileOptions {
	o.MaxFiles = max(o.MaxFiles, 1)
	if o.Mode == 0 {
		o.Mode = defaultMode
	}
	return o
}
