package archive

import (
	"io"

	"github.com/sandkit/sandkit/image"
)

// progressStep is after how many bytes progress is told.
const progressStep = 1 << 20

// progress tells how far one file has got.
type progress struct {
	tell image.ProgressFunc // may be nil
	now  image.Progress
	told int64
}

func (p *progress) begin() {
	if p.tell != nil {
		p.tell(p.now)
	}
}

func (p *progress) end() {
	if p.tell != nil {
		p.now.Phase, p.now.Bytes = image.PhaseDone, p.now.Total
		p.tell(p.now)
	}
}

func (p *progress) reader(r io.Reader) io.Reader {
	if p.tell == nil {
		return r
	}
	return &progressReader{r, p}
}

type progressReader struct {
	io.Reader
	p *progress
}

func (r *progressReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.p.now.Bytes += int64(n)
	if r.p.now.Bytes-r.p.told >= progressStep {
		r.p.told = r.p.now.Bytes
		r.p.tell(r.p.now)
	}
	return n, err
}
