package logs

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// packedHeader is in the header of a packed file, as JSON. Docker's readers know
// LastTime.
type packedHeader struct {
	// LastTime is when its last entry was logged; zero when that is not known.
	LastTime time.Time `json:"lastTime,omitzero"`
	// Origin is the fileID of the file that was packed: a reader that has that one
	// open finds it again.
	Origin string `json:"origin,omitempty"`
}

// packer packs one file at a time in the background.
type packer struct {
	disk    *disk
	running sync.WaitGroup

	mu  sync.Mutex
	err error // the first one
}

// start packs the youngest of the full files, if there is one.
func (p *packer) start(b base, latest time.Time, mode os.FileMode) {
	p.running.Go(func() {
		if err := p.pack(b.plain(1), b.packed(1), latest, mode); err != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.err == nil {
				p.err = fmt.Errorf("pack %s: %w", b.plain(1), err)
			}
		}
	})
}

// await waits for the file that is being packed.
func (p *packer) await() { p.running.Wait() }

// wait waits for the file that is being packed and gives the first error ever.
func (p *packer) wait() error {
	p.await()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// pack packs a file. It has its new name when it is complete, and the old one
// until then.
func (p *packer) pack(from, to string, latest time.Time, mode os.FileMode) (err error) {
	src, err := os.OpenFile(from, os.O_RDONLY|noFollow, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	temp := to + tempSuffix
	dst, err := p.disk.create(temp, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.disk.remove(temp))
		}
	}()
	header := packedHeader{LastTime: latest.UTC(), Origin: fileID(info)}
	err = p.fill(dst, src, header)
	if closeErr := dst.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = p.disk.rename(temp, to)
	}
	if err != nil {
		return err
	}
	return p.disk.remove(from)
}

func (p *packer) fill(dst *os.File, src io.Reader, header packedHeader) (err error) {
	out := bufio.NewWriterSize(packedWriter{p.disk, dst}, 64<<10)
	z := gzip.NewWriter(out)
	if z.Extra, err = json.Marshal(header); err != nil {
		return err
	}
	if _, err := io.Copy(z, src); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return out.Flush()
}

// packedWriter lets tests break the writing.
type packedWriter struct {
	disk *disk
	file *os.File
}

func (w packedWriter) Write(b []byte) (int, error) { return w.disk.write(w.file, b) }
