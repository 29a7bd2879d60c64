package logs

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// FuzzTail: both ways to find the last lines find those that a loop over all
// lines finds.
func FuzzTail(f *testing.F) {
	f.Add([]byte("a\nbb\n\nc"), byte(2), uint16(1))
	f.Add([]byte("\n\n"), byte(1), uint16(40000))
	f.Fuzz(func(t *testing.T, data []byte, n byte, times uint16) {
		if len(data) > 50 {
			data = data[:50]
		}
		data = bytes.Repeat(data, int(times)%5000+1)
		match := func(line []byte) bool { return len(line)%2 == 0 }
		lines := lineReader{src: iotest.OneByteReader(bytes.NewReader(data))}
		if len(data) > 1000 {
			lines.src = bytes.NewReader(data)
		}
		var starts []int64
		at := int64(0)
		for {
			line, err := lines.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if match(line) {
				starts = append(starts, at)
			}
			at += int64(len(line)) + 1
		}
		if end := int64(bytes.LastIndexByte(data, '\n') + 1); at != end {
			t.Fatalf("lines end at %d, not %d", at, end)
		}
		want, offset := min(int(n), len(starts)), int64(0)
		if want == int(n) && n > 0 {
			offset = starts[len(starts)-want]
		}
		back, found, err := tailOffset(bytes.NewReader(data), int64(len(data)), int(n), match)
		if err != nil || found != want || n > 0 && back != offset || n == 0 && back != at {
			t.Errorf("backwards: %d lines at %d; %v; want %d at %d", found, back, err, want, offset)
		}
		stream, found, err := tailStream(bytes.NewReader(data), int(n), match)
		if err != nil || found != want || n > 0 && stream != offset {
			t.Errorf("forwards: %d lines at %d; %v; want %d at %d", found, stream, err, want, offset)
		}
	})
}
