package registry

import (
	"io"

	"github.com/sandkit/sandkit/image"
)

// progressStep is after how many bytes progress is told.
const progressStep = 512 << 10

// progress tells how far one blob has got.
type progress struct {
	tell image.ProgressFunc // may be nil
	now  image.Progress
	told int64
}

func newProgress(tell image.ProgressFunc, d image.Descriptor) *progress {
	return &progress{tell: tell, now: image.Progress{Digest: d.Digest, Total: d.Size}}
}

// phase begins a phase that so many bytes are done of.
func (p *progress) phase(phase image.Phase, bytes int64) {
	p.now.Phase, p.now.Bytes, p.told = phase, bytes, bytes
	if p.tell != nil {
		p.tell(p.now)
	}
}

// done ends the last phase.
func (p *progress) done() { p.phase(image.PhaseDone, p.now.Total) }

// set tells, now and then, how many bytes are done.
func (p *progress) set(bytes int64) {
	p.now.Bytes = bytes
	if p.tell != nil && bytes-p.told >= progressStep {
		p.told = bytes
		p.tell(p.now)
	}
}

// reader tells of what is read.
func (p *progress) reader(r io.ReadCloser) io.ReadCloser { return &progressReader{r, p, 0} }

type progressReader struct {
	io.ReadCloser
	p    *progress
	read int64
}

func (r *progressReader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.read += int64(n)
	r.p.set(r.read)
	return n, err
}
