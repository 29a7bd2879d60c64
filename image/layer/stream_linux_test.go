package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/sandkit/sandkit/image"
)

// pack packs bytes.
func pack(tb testing.TB, c image.Compression, raw []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := NewPacker(&b, c)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(raw); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// TestPacked: every way in which a layer may be packed.
func TestPacked(t *testing.T) {
	raw := archive(t, file("a", strings.Repeat("x", 700_000)), file("b", "y"))
	half := len(raw) / 2
	empty := pack(t, image.Gzip, nil)
	skip := []byte{0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'x', 'y', 'z'}
	for name, c := range map[string]struct {
		mediaType string
		packed    []byte
	}{
		"plain":              {image.MediaTypeOCILayer, raw},
		"gzip":               {image.MediaTypeDockerLayerGzip, pack(t, image.Gzip, raw)},
		"foreign":            {image.MediaTypeDockerForeignLayerGzip, pack(t, image.Gzip, raw)},
		"zstd":               {image.MediaTypeOCILayerZstd, pack(t, image.Zstd, raw)},
		"nothing is said":    {"", pack(t, image.Zstd, raw)},
		"gzip of two":        {image.MediaTypeOCILayerGzip, append(pack(t, image.Gzip, raw[:half]), pack(t, image.Gzip, raw[half:])...)},
		"gzip with an empty": {image.MediaTypeOCILayerGzip, append(append([]byte(nil), empty...), pack(t, image.Gzip, raw)...)},
		"zstd of two":        {image.MediaTypeOCILayerZstd, append(pack(t, image.Zstd, raw[:half]), pack(t, image.Zstd, raw[half:])...)},
		"zstd with frames to skip": {
			image.MediaTypeOCILayerZstd,
			append(append(append([]byte(nil), skip...), pack(t, image.Zstd, raw)...), skip...),
		},
	} {
		t.Run(name, func(t *testing.T) {
			desc := image.Describe(c.mediaType, c.packed)
			eachBackEnd(t, func(t *testing.T, b backEnd) {
				l, err := b.apply(t, iotest.HalfReader(bytes.NewReader(c.packed)), Options{Layer: desc, DiffID: image.Describe("", raw).Digest})
				if err != nil {
					t.Fatal(err)
				}
				l.finish(t)
				if l.info.Digest != desc.Digest || l.info.Size != desc.Size || l.info.Bytes != int64(len(raw)) || l.info.Entries != 2 {
					t.Errorf("%+v", l.info)
				}
				entries := entriesOf(t, Flat, l.file)
				if got := namesOf(t, Flat, l.file); got != "a b" || entries[1].Digest != image.Describe("", []byte("y")).Digest {
					t.Error(got)
				}
			})
		})
	}
}

// TestEnds: what follows the last entry counts for digests only.
func TestEnds(t *testing.T) {
	raw := archive(t, file("a", "x"))
	for name, tail := range map[string][]byte{
		"without end blocks": raw[:len(raw)-1024], "with one": raw[:len(raw)-512], "with garbage": append(bytes.Clone(raw), "garbage"...), "with zeros": append(bytes.Clone(raw), make([]byte, 5000)...),
		"no bytes": nil,
	} {
		want := "a"
		if tail == nil {
			want = ""
		}
		for _, b := range backEnds {
			l := b.unpack(t, string(tail), Options{})
			if got := namesOf(t, Flat, l.file); got != want || l.info.DiffID != image.Describe("", tail).Digest || l.info.Entries != int64(len(want)) {
				t.Errorf("%s: %s: %s", b, name, got)
			}
		}
	}
}

// TestCorrupt: bytes that are not what was asked for, or are no layer. What is
// wrong with them is said, and that the digest is, too.
func TestCorrupt(t *testing.T) {
	raw := archive(t, file("a", strings.Repeat("abcdefgh", 10_000)))
	zipped := pack(t, image.Gzip, raw)
	good := image.Describe(image.MediaTypeOCILayerGzip, zipped)
	flipped := bytes.Clone(zipped)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		r    func() io.Reader
		o    Options
		want []error
	}{
		"cut short":          {func() io.Reader { return bytes.NewReader(zipped[:len(zipped)-9]) }, Options{Layer: good}, []error{image.ErrCorrupt, io.ErrUnexpectedEOF}},
		"longer":             {func() io.Reader { return io.MultiReader(bytes.NewReader(zipped), zeroReader{}) }, Options{Layer: good}, []error{image.ErrCorrupt}},
		"one bit":            {func() io.Reader { return bytes.NewReader(flipped) }, Options{Layer: good}, []error{image.ErrCorrupt}},
		"wrong diffID":       {func() io.Reader { return bytes.NewReader(zipped) }, Options{Layer: good, DiffID: good.Digest}, []error{image.ErrCorrupt}},
		"no such hash":       {func() io.Reader { return bytes.NewReader(zipped) }, Options{DiffID: "md5:00"}, []error{image.ErrInvalid}},
		"wrong media type":   {func() io.Reader { return bytes.NewReader(raw) }, Options{Layer: image.Describe(image.MediaTypeOCILayerGzip, raw)}, []error{image.ErrMediaType}},
		"no layer":           {func() io.Reader { return bytes.NewReader(raw) }, Options{Layer: image.Describe(image.MediaTypeOCIConfig, raw)}, []error{image.ErrMediaType}},
		"the source fails":   {func() io.Reader { return io.MultiReader(bytes.NewReader(zipped[:100]), iotest.ErrReader(syscall.EIO)) }, Options{Layer: good}, []error{syscall.EIO}},
		"a tar cut short":    {func() io.Reader { return bytes.NewReader(raw[:3000]) }, Options{}, []error{image.ErrInvalid, io.ErrUnexpectedEOF}},
		"a header cut short": {func() io.Reader { return bytes.NewReader(raw[:300]) }, Options{}, []error{image.ErrInvalid}},
		"no tar":             {func() io.Reader { return strings.NewReader(strings.Repeat("no tar", 200)) }, Options{}, []error{image.ErrInvalid, tar.ErrHeader}},
		"no gzip after gzip": {func() io.Reader { return bytes.NewReader(append(bytes.Clone(zipped), "garbage!!!"...)) }, Options{}, []error{image.ErrInvalid}},
		"no zstd":            {func() io.Reader { return bytes.NewReader([]byte{0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3}) }, Options{}, []error{image.ErrInvalid}},
	} {
		t.Run(name, func(t *testing.T) {
			eachBackEnd(t, func(t *testing.T, b backEnd) {
				_, err := b.apply(t, c.r(), c.o)
				for _, want := range c.want {
					failed(t, err, want)
				}
				t.Log(err)
			})
		})
	}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestLimits: each limit is an error of its own.
func TestLimits(t *testing.T) {
	ten := archive(t, file("a", "0123456789"), file("b", "0123456789"))
	huge := file("huge", "")
	huge.Size, huge.PAXRecords = 9<<30, map[string]string{"size": "9663676416"}
	var h bytes.Buffer
	if err := tar.NewWriter(&h).WriteHeader(&huge.Header); err != nil {
		t.Fatal(err)
	}
	var wide bytes.Buffer
	z, err := zstd.NewWriter(&wide, zstd.WithWindowSize(32<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(z, zeroReader{}, 40<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		raw []byte
		l   Limits
	}{
		"size of the layer":        {ten, Limits{Bytes: 1024}},
		"size of a file":           {ten, Limits{FileBytes: 9}},
		"size of the files":        {ten, Limits{Bytes: 1 << 40, FileBytes: 9 << 40, Entries: 1}},
		"number of entries":        {ten, Limits{Entries: 1}},
		"depth of a path":          {archive(t, file("a/b/c", "")), Limits{Depth: 2}},
		"length of a name":         {archive(t, file("abc", "")), Limits{Name: 2}},
		"length of attribute":      {archive(t, file("a", "").WithXattr("user.a", "123")), Limits{Xattr: 2}},
		"size of all attributes":   {archive(t, file("a", "").WithXattr("user.a", "1"), file("b", "").WithXattr("user.a", "1")), Limits{Xattrs: 10}},
		"memory for decompression": {wide.Bytes(), Limits{Memory: 1 << 20}},
	} {
		t.Run(what, func(t *testing.T) {
			if what == "size of the files" {
				what = "number of entries"
			}
			eachBackEnd(t, func(t *testing.T, b backEnd) {
				_, err := b.apply(t, bytes.NewReader(c.raw), Options{Limits: c.l})
				failed(t, err, image.ErrTooLarge)
				if !strings.Contains(err.Error(), what) {
					t.Error(err)
				}
			})
		})
	}
	for _, b := range backEnds {
		_, err = b.apply(t, bytes.NewReader(h.Bytes()), Options{Limits: Limits{FileBytes: 1 << 30}})
		if e, ok := errors.AsType[*image.LimitError](err); !ok || e.Got != 9<<30 {
			t.Errorf("%s: a file of 9 GiB: %v", b, err)
		}
	}
}

// TestBomb: a few kilobytes that would be a terabyte.
func TestBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks 256 MiB")
	}
	var b bytes.Buffer
	z, err := NewPacker(&b, image.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	bomb := fifo("x")
	if err := tar.NewWriter(z).WriteHeader(&bomb.Header); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(z, zeroReader{}, RatioFree+1<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, to := range backEnds {
		_, err = to.apply(t, bytes.NewReader(b.Bytes()), Options{})
		failed(t, err, image.ErrTooLarge)
	}
}

// TestCancelled: a context ends it.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	cancel(stop)
	raw := archive(t, file("a", ""))
	_, err := Apply(ctx, newDir(t), bytes.NewReader(raw), options(Options{}))
	failed(t, err, stop)
	_, err = Stage(ctx, newImage(t), bytes.NewReader(raw), Options{})
	failed(t, err, stop)
}

// TestFull: what the kernel says stays visible.
func TestFull(t *testing.T) {
	d := newDir(t)
	if err := os.WriteFile(d.Name()+"/a", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Apply(t.Context(), d, bytes.NewReader(archive(t, file("a", ""))), options(Options{}))
	failed(t, err, syscall.EEXIST)
	if e, ok := errors.AsType[*image.Error](err); !ok || e.Path != "a" {
		t.Errorf("%+v", e)
	}
}
