//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// cpioWriter writes the "newc" format, which the kernel unpacks at boot.
type cpioWriter struct {
	w     *bufio.Writer
	bytes int64
	inode int
}

func newCpioWriter(w io.Writer) *cpioWriter {
	return &cpioWriter{w: bufio.NewWriterSize(w, 1<<20)}
}

// write appends one entry.
func (c *cpioWriter) write(e entry) (err error) {
	if e.size > math.MaxUint32 {
		return fmt.Errorf("add %s: larger than the format's 4 GiB", e.name)
	}
	c.inode++
	h := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		c.inode, e.mode, e.owner, e.owner, 1, 0, e.size, 0, 0, 0, 0, len(e.name)+1, 0, e.name)
	if err := c.put([]byte(h)); err != nil {
		return fmt.Errorf("add %s: %w", e.name, err)
	}
	if e.file == "" {
		err = c.put(e.data)
	} else {
		err = c.putFile(e.file, e.size)
	}
	if err != nil {
		return fmt.Errorf("add %s: %w", e.name, err)
	}
	return nil
}

// close writes the trailer; it does not close what lies below.
func (c *cpioWriter) close() error {
	if err := c.write(entry{name: "TRAILER!!!"}); err != nil {
		return err
	}
	if err := c.w.Flush(); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return nil
}

// put writes b, padded to the format's four bytes.
func (c *cpioWriter) put(b []byte) error {
	n, err := c.w.Write(b)
	c.bytes += int64(n)
	if err != nil {
		return err
	}
	return c.pad()
}

// putFile writes a file that must be as large as it was when it was added.
func (c *cpioWriter) putFile(name string, size int64) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, err := io.Copy(c.w, io.LimitReader(f, size+1))
	c.bytes += n
	if err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("%s changed while it was read", name)
	}
	return c.pad()
}

func (c *cpioWriter) pad() error {
	for c.bytes%4 != 0 {
		if err := c.w.WriteByte(0); err != nil {
			return err
		}
		c.bytes++
	}
	return nil
}
