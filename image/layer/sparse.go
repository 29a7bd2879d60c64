package layer

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// sparseBlock is what holes are made of.
const sparseBlock = 4096

var zeros [sparseBlock]byte

// copySparse copies content that came from a sparse file: blocks of zeros
// become holes.
func copySparse(f *os.File, content io.Reader, buf []byte) error {
	buf = buf[:len(buf)/sparseBlock*sparseBlock]
	size := int64(0)
	for {
		n, err := fill(content, buf)
		if writeErr := writeBlocks(f, buf[:n], size); writeErr != nil {
			return writeErr
		}
		size += int64(n)
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return f.Truncate(size)
		}
		if err != nil {
			return err
		}
	}
}

func writeBlocks(f *os.File, b []byte, offset int64) error {
	for len(b) > 0 {
		n := min(len(b), sparseBlock)
		if !bytes.Equal(b[:n], zeros[:n]) {
			if _, err := f.WriteAt(b[:n], offset); err != nil {
				return err
			}
		}
		b, offset = b[n:], offset+int64(n)
	}
	return nil
}
