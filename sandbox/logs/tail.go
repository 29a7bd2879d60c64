package logs

import (
	"bytes"
	"errors"
	"io"
)

// tailOffset looks for the last n lines in the first size bytes of a file,
// backwards, of those that match. It gives where they begin and how many there
// are. What is after the last newline does not count, and for n = 0 the offset is
// that of the end of the last line.
func tailOffset(r io.ReaderAt, size int64, n int, match func(line []byte) bool) (offset int64, found int, err error) {
	data := []byte(nil) // what is at pos, up to the newline of the next line to give
	pos, block := size, make([]byte, readSize)
	ended := false // the last newline was met
	for pos > 0 {
		b := block[:min(pos, readSize)]
		pos -= int64(len(b))
		if _, err := r.ReadAt(b, pos); err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		if !ended {
			i := bytes.LastIndexByte(b, '\n')
			if i < 0 {
				continue
			}
			ended, b = true, b[:i]
			if n == 0 {
				return pos + int64(i) + 1, 0, nil
			}
		}
		data = append(append(make([]byte, 0, len(b)+len(data)), b...), data...)
		for {
			i := bytes.LastIndexByte(data, '\n')
			if i < 0 {
				break
			}
			if match(data[i+1:]) {
				if found++; found == n {
					return pos + int64(i) + 1, found, nil
				}
			}
			data = data[:i]
		}
		if len(data) > maxRecord {
			data = nil // a line that is too long matches nothing, nor does its beginning
		}
	}
	if ended && n > 0 && match(data) {
		found++
	}
	return 0, found, nil
}

// tailStream does the same for what can only be read from its beginning.
func tailStream(r io.Reader, n int, match func(line []byte) bool) (offset int64, found int, err error) {
	count := &countingReader{r: r}
	lines := lineReader{src: count}
	var starts []int64 // of the last lines, in a ring
	for {
		at := count.n - int64(len(lines.buf)-lines.start)
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, 0, err
		}
		if n == 0 || !match(line) {
			continue
		}
		if len(starts) < n {
			starts = append(starts, at)
		} else {
			starts[found%n] = at
		}
		found++
	}
	switch {
	case n == 0:
		return count.n, 0, nil
	case found < n:
		return 0, found, nil
	}
	return starts[found%n], n, nil
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
