package sandbox_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
	"github.com/sandkit/sandkit/image/rootfs"
	"github.com/sandkit/sandkit/image/store"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
)

// shown lists what a sandbox has at some paths, as tarOf's lines, but for
// owners when the test is no root: then there is one owner.
func shown(t *testing.T, s *store.Store, name string, paths ...string) string {
	t.Helper()
	sb, err := sandbox.New(sandbox.WithImage(name), sandbox.WithImageStore(s), sandbox.WithPull(sandbox.PullNever), sandbox.WithCommand("/bin/true"))
	must(t, err)
	defer sb.Close()
	must(t, sb.Start(testContext(t)))
	var lines []string
	for _, p := range paths {
		var b bytes.Buffer
		must(t, sb.Archive(testContext(t), p, &b))
		lines = append(lines, listing(t, &b)...)
	}
	return strings.Join(lines, "\n")
}

// listing shows a tar's entries, in order of their names.
func listing(t *testing.T, r io.Reader) []string {
	t.Helper()
	var lines []string
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		owner := fmt.Sprintf(" %d:%d", h.Uid, h.Gid)
		if !testutil.IsRoot() {
			owner = ""
		}
		line := fmt.Sprintf("%s %#o%s", strings.TrimSuffix(h.Name, "/"), h.Mode, owner)
		switch h.Typeflag {
		case tar.TypeDir:
			line = "dir " + line
		case tar.TypeSymlink:
			line = "link " + strings.TrimSuffix(h.Name, "/") + " " + h.Linkname
		case tar.TypeLink:
			line = "hard " + h.Name + " " + h.Linkname
		case tar.TypeFifo:
			line = "fifo " + line
		case tar.TypeReg:
			content, err := io.ReadAll(tr)
			must(t, err)
			line = strings.TrimSpace(fmt.Sprintf("file %s %.40s", line, content))
		default:
			t.Errorf("%s is a %c", h.Name, h.Typeflag)
		}
		lines = append(lines, line)
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(strings.Fields(a)[1], strings.Fields(b)[1]) })
	return lines
}

// oneOwner takes the owners away where there is just one.
func oneOwner(lines ...string) string {
	if !testutil.IsRoot() {
		for i, l := range lines {
			f := strings.SplitN(l, " ", 5)
			if f[0] == "dir" || f[0] == "file" || f[0] == "fifo" {
				lines[i] = strings.Join(slices.Delete(f, 3, 4), " ")
			}
		}
	}
	return strings.Join(lines, "\n")
}

// TestImageLayers: what is in several layers is seen as Docker shows it.
func TestImageLayers(t *testing.T) {
	unchangedImages(t)
	for _, c := range []struct {
		name   string
		layers [][]string
		want   []string
	}{
		{"replaced and removed", [][]string{
			{"dir d 0750 1:2", "file d/old 0644 0:0 old", "file d/gone 0644 0:0 x", "dir d/sub 0755", "file d/sub/x 0644 0:0 x"},
			{"file d/old 0600 3:4 new", "gone d/gone", "gone d/sub"},
		}, []string{"dir d 0750 1:2", "file d/old 0600 3:4 new"}},
		{"removed and made again", [][]string{
			{"dir d 0755", "dir d/a 0755", "file d/a/old 0644 0:0 x"},
			{"gone d/a"},
			{"dir d/a 0700 7:7", "file d/a/new 0644 0:0 y"},
		}, []string{"dir d 0755 0:0", "dir d/a 0700 7:7", "file d/a/new 0644 0:0 y"}},
		{"opaque", [][]string{
			{"dir d 0755", "file d/a 0644 0:0 a", "dir d/s 0755", "file d/s/b 0644 0:0 b"},
			{"dir d 0711", "opaque d", "file d/c 0644 0:0 c"},
		}, []string{"dir d 0711 0:0", "file d/c 0644 0:0 c"}},
		{"implicit parents", [][]string{
			{"dir d 0711 5:6", "dir d/e 0700 7:8"},
			{"file d/e/f/g 0640 9:10 text"},
		}, []string{"dir d 0711 5:6", "dir d/e 0700 7:8", "dir d/e/f 0755 0:0", "file d/e/f/g 0640 9:10 text"}},
		{"link below", [][]string{
			{"dir d 0755", "link d/lib usr/lib", "dir d/usr 0755", "dir d/usr/lib 0755", "file d/usr/lib/a 0644 0:0 a"},
			{"file d/lib/b 0644 0:0 b"},
		}, []string{"dir d 0755 0:0", "link d/lib usr/lib", "dir d/usr 0755 0:0", "dir d/usr/lib 0755 0:0", "file d/usr/lib/a 0644 0:0 a", "file d/usr/lib/b 0644 0:0 b"}},
		{"other types", [][]string{
			{"dir d 0755", "dir d/a 0755", "file d/a/x 0644 0:0 x", "file d/b 0644 0:0 b", "link d/c b"},
			{"file d/a 0644 0:0 a", "dir d/b 0755", "fifo d/c 0600 0:0", "link d/f ../../../../etc/passwd"},
		}, []string{"dir d 0755 0:0", "file d/a 0644 0:0 a", "dir d/b 0755 0:0", "fifo d/c 0600 0:0", "link d/f ../../../../etc/passwd"}},
	} {
		s := newStore(t)
		layers := [][]byte{busyboxLayer(t)}
		for _, l := range c.layers {
			layers = append(layers, tarOf(t, l...))
		}
		addImage(t, s, "tool", image.RunConfig{}, layers...)
		got, want := shown(t, s, "tool", "/d"), oneOwner(c.want...)
		if got != want {
			t.Errorf("%s: there is\n%s\nwant\n%s", c.name, got, want)
		}
		same(t, s, "tool", got)
	}
}

// TestImageHardLinks: a link to a file of a lower layer has its content.
func TestImageHardLinks(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{}, tarOf(t, "dir d 0755", "file d/a 0644 1:1 a", "hard d/b d/a"), tarOf(t, "hard d/c d/a"))
	if out := imageOutput(t, s, sandbox.WithCommand("sh", "-c", "cat /d/a /d/b /d/c; stat -c %a /d/c")); out != "aaa644" {
		t.Errorf("%q", out)
	}
}

// same compares what a sandbox shows with what package layer says of the same
// layers, name by name.
func same(t *testing.T, s *store.Store, name, listed string) {
	t.Helper()
	lease, err := s.Lease(t.Context())
	must(t, err)
	defer func() { must(t, lease.Release()) }()
	img, err := lease.Image(t.Context(), name, image.Platform{})
	must(t, err)
	stack, err := rootfs.Unpack(t.Context(), lease, img, rootfs.Options{})
	must(t, err)
	roots, done, err := stack.OpenLayers()
	must(t, err)
	defer func() { must(t, done()) }()
	entries, err := layer.Tree(stack.Format, roots...)
	must(t, err)
	var want, got []string
	for _, e := range entries {
		if p := string(e.Path); p == "d" || strings.HasPrefix(p, "d/") {
			want = append(want, p)
		}
	}
	for l := range strings.Lines(listed) {
		got = append(got, strings.Fields(l)[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
}

// TestImageOfManyLayers: a hundred layers, each of which changes something.
func TestImageOfManyLayers(t *testing.T) {
	unchangedImages(t)
	const n = 100
	layers := [][]byte{busyboxLayer(t)}
	for i := range n - 1 {
		lines := []string{fmt.Sprintf("file d/own%d 0644 0:0 %d", i, i), fmt.Sprintf("file d/last 0644 0:0 %d", i)}
		if i >= 10 {
			lines = append(lines, fmt.Sprintf("gone d/own%d", i-10))
		}
		layers = append(layers, tarOf(t, lines...))
	}
	s := newStore(t)
	addImage(t, s, "tool", image.RunConfig{Env: []string{"PATH=/bin"}}, layers...)
	out := imageOutput(t, s, sandbox.WithCommand("sh", "-c", "cat /d/last; echo; ls /d | busybox wc -l; cat /d/own98 /d/own89"))
	if want := "98\n11\n9889"; out != want {
		t.Errorf("%q, want %q", out, want)
	}
}

// TestImageIsNotWritten: what a program changes is its own.
func TestImageIsNotWritten(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{}, tarOf(t, "dir d 0755", "file d/f 0644 0:0 original", "file d/g 0644 0:0 g", "dir gone 0755", "file gone/x 0644 0:0 x"))
	before := shown(t, s, "tool", "/d", "/etc")
	lanes(t, func(t *testing.T, lane sandbox.Option) {
		change := `echo changed > /d/f; rm /d/g; chmod 0700 /etc; mv /bin/ls /bin/new; cp /bin/busybox /b; echo x >> /b; mv /b /bin/busybox; cat /d/f; echo /d/* /bin/ne*`
		if opaqueDirectories(t) {
			change = "rm -r /gone; " + change
		}
		out := imageOutput(t, s, lane, sandbox.WithCommand("sh", "-e", "-c", change))
		if want := "changed\n/d/f /bin/new"; out != want {
			t.Errorf("%q, want %q", out, want)
		}
		sound(t, s)
		if after := shown(t, s, "tool", "/d", "/etc"); after != before {
			t.Errorf("the next sandbox sees\n%s\ninstead of\n%s", after, before)
		}
		const write = `for f in /d/f /new /etc/passwd /tmp/x; do (echo x > $f) 2>&1 | grep -c Read-only; done`
		if out := imageOutput(t, s, lane, sandbox.WithReadOnlyRootfs(), sandbox.WithCommand("sh", "-c", write)); out != "1\n1\n1\n1" {
			t.Errorf("read-only root: %q", out)
		}
		all := probe(t, options(tool(s), lane, sandbox.WithScratchSize(1<<20)), "fill|/big|4000000", "remove|/big", "hoard|/d/f|1", "create|/d/h|x")
		denied(t, all[0], enospc)
		works(t, all[1])
	})
	sound(t, s)
}

// TestImageSandboxesAtOnce: several sandboxes of one image do not see each
// other's changes.
func TestImageSandboxesAtOnce(t *testing.T) {
	unchangedImages(t)
	s := busyboxStore(t, image.RunConfig{})
	errs := make(chan error)
	const n = 8
	for i := range n {
		go func() {
			errs <- func() error {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				out, err := sandbox.Output(ctx, tool(s), sandbox.WithCommand("sh", "-c", fmt.Sprintf("echo %d >> /etc/mine; cat /etc/mine", i)))
				if err == nil && strings.TrimSpace(string(out)) != fmt.Sprint(i) {
					err = fmt.Errorf("sandbox %d sees %q", i, out)
				}
				return err
			}()
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
