package launch

import "os"

// TakeLast is [Process.TakeFiles] for the last of the files alone; nil when there
// is none.
func (p *Process) TakeLast() *os.File {
	n := len(p.files)
	if n == 0 {
		return nil
	}
	last := p.files[n-1]
	p.files = p.files[:n-1]
	return last
}
