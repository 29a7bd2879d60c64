package testimage

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// programs reads the files of a directory one after the other, and again from
// the first one.
type programs struct {
	paths []string
	next  int
	file  *os.File
}

// openPrograms finds the files that can be read.
func openPrograms(dir string) (*programs, error) {
	dir = cmp.Or(dir, "/usr/bin")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("find programs: %w", err)
	}
	p := &programs{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := e.Info(); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			continue // it is not for everybody
		}
		f.Close()
		p.paths = append(p.paths, path)
	}
	if len(p.paths) == 0 {
		return nil, fmt.Errorf("find programs: none in %s", dir)
	}
	return p, nil
}

// Read never comes to an end.
func (p *programs) Read(b []byte) (int, error) {
	for {
		if p.file == nil {
			f, err := os.Open(p.paths[p.next%len(p.paths)])
			if err != nil {
				return 0, err
			}
			p.file = f
			p.next++
		}
		n, err := p.file.Read(b)
		if errors.Is(err, io.EOF) {
			err = p.Close()
		}
		if n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
	}
}

// Close closes the file that is open.
func (p *programs) Close() (err error) {
	if p.file != nil {
		err = p.file.Close()
		p.file = nil
	}
	return err
}
