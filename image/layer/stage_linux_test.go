package layer

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/erofs"
)

// TestStageRefuses: what no image is made of.
func TestStageRefuses(t *testing.T) {
	raw := archive(t, file("a", ""))
	for name, o := range map[string]Options{
		"rootless": {Rootless: true}, "for user namespaces": {Format: OverlayUser}, "flat": {Format: Flat},
	} {
		f := newImage(t)
		_, err := Stage(t.Context(), f, bytes.NewReader(raw), o)
		failed(t, err, ErrNeedsDirectory)
		if st, err := f.Stat(); err != nil || st.Size() != 0 {
			t.Errorf("%s: the file was written: %v, %v", name, st, err)
		}
	}
	_, err := Stage(t.Context(), newDir(t), bytes.NewReader(raw), Options{})
	failed(t, err, err)
	large := file("a", "").WithXattr("user.a", strings.Repeat("x", 64<<10))
	_, err = Stage(t.Context(), newImage(t), bytes.NewReader(archive(t, large)), Options{})
	failed(t, err, ErrNeedsDirectory)
	failed(t, err, image.ErrTooLarge)
	many := dir("d")
	for i := range 6 {
		many = many.WithXattr("user."+string(rune('a'+i)), strings.Repeat("x", 60_000))
	}
	_, err = Stage(t.Context(), newImage(t), bytes.NewReader(archive(t, many)), Options{})
	failed(t, err, ErrNeedsDirectory)
}

// TestStageEmptiesTheFile: what was in it does not show.
func TestStageEmptiesTheFile(t *testing.T) {
	f := newImage(t)
	if _, err := f.Write(bytes.Repeat([]byte{0xff}, 1<<20)); err != nil {
		t.Fatal(err)
	}
	zero := strings.Repeat("\x00", 256<<10)
	s, err := Stage(t.Context(), f, bytes.NewReader(archive(t, file("a", zero))), Options{})
	if err == nil {
		err = s.Finish()
	}
	if err != nil {
		t.Fatal(err)
	}
	if e := entriesOf(t, Flat, f); len(e) != 1 || e[0].Digest != image.Describe("", []byte(zero)).Digest {
		t.Errorf("%v", e)
	}
}

// TestSameBytes: the same layer is the same image.
func TestSameBytes(t *testing.T) {
	raw := archive(t, dir("d"), file("d/f", "x").WithXattr("user.a", "1").WithXattr("user.b", "2"), hard("h", "d/f"), file("e/.wh.x", ""), symlink("l", "d"))
	var images [2][]byte
	for i := range images {
		l := toImage.unpack(t, string(raw), Options{})
		b, err := os.ReadFile(strings.TrimSuffix(l.file.Name(), mounted))
		if err != nil {
			t.Fatal(err)
		}
		images[i] = b
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("two images differ")
	}
}

// TestStagedOrder: calls in the wrong order are errors, and change nothing.
func TestStagedOrder(t *testing.T) {
	lower, _ := toImage.stacked(t, [][]item{{symlink("d", "f"), file("f", "")}})
	s, err := Stage(t.Context(), newImage(t), bytes.NewReader(archive(t, file("d/x", ""))), Options{Image: "img"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Settle(lower)
	failed(t, err, ErrConflict)
	if e, ok := errors.AsType[*image.Error](err); !ok || e.Image != "img" || e.Path != "d" {
		t.Errorf("%+v", e)
	}
	_, err = s.Settle(nil)
	failed(t, err, errNotSettled)
	failed(t, s.Finish(), errNotSettled)
	if s, err = Stage(t.Context(), newImage(t), bytes.NewReader(nil), Options{}); err == nil {
		_, err = s.Settle(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Settle(nil)
	failed(t, err, errSettled)

	l := toImage.unpack(t, string(archive(t, file("d/x", ""))), Options{})
	failed(t, l.staged.Finish(), erofs.ErrFinished)
	_, err = l.staged.Settle(nil)
	failed(t, err, erofs.ErrFinished)
}

// brokenImage fails to write after some bytes.
type brokenImage struct{ n int }

// WriteAt fails in the end.
func (b *brokenImage) WriteAt(p []byte, _ int64) (int, error) {
	if b.n -= len(p); b.n < 0 {
		return 0, syscall.ENOSPC
	}
	return len(p), nil
}

// TestRootOfImage: one that the layer does not describe is like other
// directories that it does not.
func TestRootOfImage(t *testing.T) {
	ids := []IDRange{{0, 100000, 65536}}
	l := toImage.unpack(t, string(archive(t, file("d/x", ""))), Options{UIDs: ids, GIDs: ids})
	roots, err := sourcesOf([]*os.File{l.file})
	if err != nil {
		t.Fatal(err)
	}
	root, err := roots[0].stat("")
	d, err2 := roots[0].stat("d")
	if errors.Join(err, err2) != nil || root.Mode != d.Mode || root.UID != 100000 || d.UID != 100000 || root.MtimeSec != 0 || d.Mode&0o7777 != 0o755 {
		t.Errorf("%+v, %+v, %v, %v", root, d, err, err2)
	}
}

// TestFullImage: what the kernel says stays visible, wherever it says it, and
// nothing stays behind.
func TestFullImage(t *testing.T) {
	raw := archive(t, file("a", strings.Repeat("a", 3<<20)), file("b", strings.Repeat("b", 3<<20)), dir("d"))
	size := 0
	for _, room := range []int{0, 1 << 20, 4 << 20, 7 << 20, 16 << 20} {
		s, err := stage(t.Context(), &brokenImage{room}, bytes.NewReader(raw), &Options{})
		if err == nil {
			err = s.Finish()
		}
		if err == nil {
			size++
			continue
		}
		failed(t, err, syscall.ENOSPC)
	}
	if size != 2 {
		t.Errorf("%d were large enough", size)
	}
}

// TestSettleUnmounted: images below need no mount; a file that is no image is
// an error.
func TestSettleUnmounted(t *testing.T) {
	content := strings.Repeat("content", 1<<18)
	var images []*os.File
	for i, items := range [][]item{
		{dir("d").WithMode(0o751).OwnedBy(4, 5).WithXattr("user.a", "1"), file("d/f", content).OwnedBy(7, 8), file("gone", ""), symlink("l", "d"), fifo("d/p")},
		{hard("h", "l/f"), hard("d/q", "d/p"), file(".wh.gone", ""), file(".wh.none", ""), file("l/g", "")},
	} {
		f := newImage(t)
		s, err := Stage(t.Context(), f, bytes.NewReader(archive(t, items...)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if changed, err := s.Settle(images); err != nil || changed != (i == 1) {
			t.Fatalf("%t, %v", changed, err)
		}
		if err := s.Finish(); err != nil {
			t.Fatal(err)
		}
		images = append(images, f)
	}
	if got := namesOf(t, OverlayTrusted, images...); got != "d/ d/f d/g d/p:fifo d/q:fifo h=d/f l->d" {
		t.Error(got)
	}
	for _, e := range entriesOf(t, OverlayTrusted, images...) {
		switch e.Path {
		case "d":
			if e.Mode != 0o751 || e.UID != 4 || e.GID != 5 || e.Xattrs["user.a"] != "1" || !e.ModTime.Equal(someTime) {
				t.Error(e)
			}
		case "h":
			if e.UID != 7 || e.Digest != image.Describe("", []byte(content)).Digest {
				t.Error(e)
			}
		}
	}
	s, err := Stage(t.Context(), newImage(t), bytes.NewReader(nil), Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Settle([]*os.File{newImage(t)})
	failed(t, err, image.ErrInvalid)
}

// TestStageSourceFails: reading may fail anywhere.
func TestStageSourceFails(t *testing.T) {
	raw := archive(t, file("a", strings.Repeat("a", 1<<20)), dir("d"), file("d/b", "b"))
	for n := 0; n < len(raw)-1024; n += 100_000 {
		_, err := Stage(t.Context(), newImage(t), io.MultiReader(bytes.NewReader(raw[:n]), iotest.ErrReader(syscall.EIO)), Options{})
		failed(t, err, syscall.EIO)
		if errors.Is(err, image.ErrInvalid) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}
