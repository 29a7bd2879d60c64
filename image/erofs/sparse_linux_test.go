package erofs

import (
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/testutil"
)

// sparse gives zeros with a mark at the begin of each GiB and at the end.
type sparse struct{ at, size int64 }

func (s *sparse) Read(b []byte) (int, error) {
	n := int(min(int64(len(b)), s.size-s.at))
	if n == 0 {
		return 0, io.EOF
	}
	b = b[:n]
	clear(b)
	const gib = 1 << 30
	for at := s.at / gib * gib; at < s.at+int64(n); at += gib {
		if at >= s.at {
			b[at-s.at] = byte(at/gib) + 1
		}
	}
	if s.at += int64(n); s.at == s.size {
		b[n-1] = 0xff
	}
	return n, nil
}

// TestMoreThan4GiB: a file may be that large, and its holes take no space.
func TestMoreThan4GiB(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "img"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 5<<30 + 4097
	w := NewWriter(f, Options{})
	root := w.Dir()
	large, err := w.File(Attr{}, &sparse{size: size})
	if err != nil {
		t.Fatal(err)
	}
	root.Add("large", large)
	if err := w.Finish(root); err != nil {
		t.Fatal(err)
	}
	r, err := Open(f, w.Size())
	if err != nil {
		t.Fatal(err)
	}
	checkSparse(t, r, "large", size)
	checkUsed(t, f)
	kernelSparse(t, f.Name(), size)
}

// checkSparse compares the marks of a sparse file.
func checkSparse(t *testing.T, fsys iofs.FS, name string, size int64) {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	i, err := f.Stat()
	if err != nil || i.Size() != size {
		t.Fatalf("%v, %v", i, err)
	}
	b := make([]byte, 4096)
	for at := int64(0); at < size; at += 1 << 30 {
		if _, err := f.(io.ReaderAt).ReadAt(b, at); err != nil || b[0] != byte(at>>30)+1 || !isZero(b[1:]) {
			t.Errorf("at %d: %d, %v", at, b[0], err)
		}
	}
	if _, err := f.(io.ReaderAt).ReadAt(b[:1], size-1); err != nil || b[0] != 0xff {
		t.Errorf("at the end: %d, %v", b[0], err)
	}
}

// checkUsed tells whether the holes are holes.
func checkUsed(t *testing.T, f *os.File) {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil || st.Blocks*512 > 2<<20 {
		t.Errorf("%d KiB, %v", st.Blocks/2, err)
	}
}

func kernelSparse(t *testing.T, img string, size int64) {
	t.Helper()
	if testutil.IsRoot() {
		checkSparse(t, os.DirFS(mounted(t, img)), "large", size)
	}
}
