package transfer

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/testutil"
)

// entries shows a tar, one line each.
func entries(t testing.TB, r io.Reader) (all []string) {
	t.Helper()
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%c %s %o %d:%d", h.Typeflag, h.Name, h.Mode, h.Uid, h.Gid)
		if h.Linkname != "" {
			line += " " + h.Linkname
		}
		if b := must(io.ReadAll(tr)); len(b) > 0 {
			line += " " + string(b)
		}
		all = append(all, line)
	}
}

func outRoot(t testing.TB) (dir string, root *os.File) {
	t.Helper()
	dir, root = newRoot(t, "file d/f file", "dir d/e 0700", "link d/l ../../../etc/passwd", "fifo d/p", "link ld d", "link lf /d/f", "link bad /none")
	if err := os.Link(filepath.Join(dir, "d/f"), filepath.Join(dir, "d/e/g")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "d/f"), 0o755|iofs.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	return dir, root
}

func TestCopyOut(t *testing.T) {
	testutil.Unchanged(t)
	_, root := outRoot(t)
	tree := func(top, prefix string) []string {
		return []string{
			"5 " + top + " 755 0:0", "5 " + prefix + "e/ 700 0:0", "0 " + prefix + "e/g 4755 0:0 file",
			"1 " + prefix + "f 4755 0:0 " + prefix + "e/g", "2 " + prefix + "l 777 0:0 ../../../etc/passwd", "6 " + prefix + "p 644 0:0",
		}
	}
	for _, c := range []struct {
		path   string
		follow bool
		want   []string
		err    error
	}{
		{"d", false, tree("d/", "d/"), nil},
		{"/d/", false, tree("d/", "d/"), nil},
		{"/x/../d", false, tree("d/", "d/"), nil},
		{"d/.", false, tree("./", ""), nil},
		{"ld", false, []string{"2 ld 777 0:0 d"}, nil},
		{"ld", true, tree("ld/", "ld/"), nil},
		{"ld/", false, tree("ld/", "ld/"), nil},
		{"ld/.", false, tree("./", ""), nil},
		{"lf", false, []string{"2 lf 777 0:0 /d/f"}, nil},
		{"lf", true, []string{"0 lf 4755 0:0 file"}, nil},
		{"ld/f", false, []string{"0 f 4755 0:0 file"}, nil},
		{"d/p", false, []string{"6 p 644 0:0"}, nil},
		{"d/f/", false, nil, syscall.ENOTDIR},
		{"none", false, nil, iofs.ErrNotExist},
		{"bad", true, nil, iofs.ErrNotExist},
		{"", false, nil, iofs.ErrInvalid},
	} {
		var b bytes.Buffer
		err := CopyOut(t.Context(), root, c.path, &b, OutOptions{IDs: own(), FollowLinks: c.follow})
		if c.err != nil {
			if !errors.Is(err, c.err) && !errors.Is(err, ErrNotDirectory) || b.Len() > 0 {
				t.Errorf("%s: %v, %d bytes; want %v", c.path, err, b.Len(), c.err)
			}
			continue
		}
		if got := entries(t, &b); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s (%t): %v\n%s\nwant\n%s", c.path, c.follow, err, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
	var b bytes.Buffer
	if err := CopyOut(t.Context(), root, "/", &b, OutOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := entries(t, &b); !strings.HasPrefix(got[0], "5 ./ ") || !strings.HasPrefix(got[1], "2 bad ") {
		t.Errorf("root: %q", got)
	}
}

// TestCopyOutTo: where things go, and what of them.
func TestCopyOutTo(t *testing.T) {
	testutil.Unchanged(t)
	tree := func(at string) []string {
		return []string{
			"d " + at + " 755", "d " + at + "/e 700", "f " + at + "/e/g 755 file links=2", "f " + at + "/f 755 file links=2",
			"l " + at + "/l ../../../etc/passwd", "p " + at + "/p 644",
		}
	}
	for what, c := range map[string]struct {
		have      []string
		path, dir string
		want      []string
		err       error
	}{
		"directory to directory":       {nil, "d", "", tree("d"), nil},
		"contents to directory":        {nil, "d/.", "", []string{"d e 700", "f e/g 755 file links=2", "f f 755 file links=2", "l l ../../../etc/passwd", "p p 644"}, nil},
		"directory to nothing":         {nil, "d", "/new", tree("new"), nil},
		"directory without parent":     {nil, "d", "/no/new", nil, iofs.ErrNotExist},
		"file to directory":            {nil, "d/f", "", []string{"f f 755 file"}, nil},
		"file to nothing":              {nil, "d/f", "/new", []string{"f new 755 file"}, nil},
		"file to nothing/":             {nil, "d/f", "/new/", nil, ErrNoDirectory},
		"file to file":                 {[]string{"file new old"}, "d/f", "/new", []string{"f new 755 file"}, nil},
		"directory to file":            {[]string{"file new old"}, "d", "/new", []string{"f new 644 old"}, ErrCopyDirectory},
		"link below is not followed":   {[]string{"dir x", "link d x"}, "d", "", []string{"l d x", "d x 755"}, ErrConflict},
		"link of a file is replaced":   {[]string{"file x old", "link f x"}, "d/f", "/", []string{"f f 755 file", "f x 644 old"}, nil},
		"link to directory, by itself": {[]string{"dir x", "link y x"}, "d/f", "/y", []string{"d x 755", "f x/f 755 file", "l y x"}, nil},
		"link":                         {nil, "ld", "", []string{"l ld d"}, nil},
	} {
		t.Run(what, func(t *testing.T) {
			_, root := outRoot(t)
			host := t.TempDir()
			testutil.Tree(t, host, c.have...)
			err := CopyOutTo(t.Context(), root, c.path, host+c.dir, OutOptions{IDs: own()})
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			want(t, host, c.want...)
		})
	}
}

func TestCopyOutToOptions(t *testing.T) {
	testutil.Unchanged(t)
	dir, root := outRoot(t)
	l, err := net.Listen("unix", filepath.Join(dir, "d/sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	device := syscall.Mknod(filepath.Join(dir, "d/z"), syscall.S_IFCHR|0o600, 1<<8|3) == nil
	when := time.Unix(1e9, 5)
	if err := os.Chtimes(filepath.Join(dir, "d/f"), when, when); err != nil {
		t.Fatal(err)
	}
	var skipped []string
	o := OutOptions{KeepSetID: true, KeepOwner: true, Skipped: func(p, what string) { skipped = append(skipped, p+" "+what) }}
	host := t.TempDir()
	if err := CopyOutTo(t.Context(), root, "d", host, o); err != nil {
		t.Fatal(err)
	}
	i := must(os.Stat(filepath.Join(host, "d/f")))
	if i.Mode()&iofs.ModeSetuid == 0 || !i.ModTime().Equal(when) {
		t.Errorf("%v", i)
	}
	want := []string{"d/sock a socket"}
	if device {
		want = append(want, "d/z a device")
	}
	if !slices.Equal(skipped, want) {
		t.Errorf("skipped %q, want %q", skipped, want)
	}
	if device {
		o.Devices = true
		if err := CopyOutTo(t.Context(), root, "d/z", host, o); err != nil {
			t.Fatal(err)
		}
		if i := must(os.Lstat(filepath.Join(host, "z"))); i.Mode().Type() != iofs.ModeDevice|iofs.ModeCharDevice || i.Sys().(*syscall.Stat_t).Rdev != 1<<8|3 {
			t.Errorf("%v", i)
		}
	}
}

// TestCopyOutFails: a writer that fails, a context that ends, a file that
// shrinks.
func TestCopyOutFails(t *testing.T) {
	testutil.Unchanged(t)
	dir, root := outRoot(t)
	err := CopyOut(t.Context(), root, "d", failingWriter{}, OutOptions{})
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("writer: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := CopyOut(ctx, root, "d", io.Discard, OutOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("context: %v", err)
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, 3*chunk), 0o600); err != nil {
		t.Fatal(err)
	}
	shrink := writerFunc(func(p []byte) (int, error) {
		_ = os.Truncate(big, chunk)
		return len(p), nil
	})
	if err := CopyOut(t.Context(), root, "big", shrink, OutOptions{}); !errors.Is(err, ErrChanged) {
		t.Errorf("shrunk: %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
