package layer

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/internal/testutil"
)

// TestXattrs: a layer sets attributes of files, and none of the host's.
func TestXattrs(t *testing.T) { eachBackEnd(t, testXattrs) }

func testXattrs(t *testing.T, b backEnd) {
	capability := "\x01\x00\x00\x02\x00\x20\x00\x00" + strings.Repeat("\x00", 12) // cap_net_raw+ep
	l := b.unpack(t, string(archive(t,
		file("f", "").WithXattr("user.a", "1\x002").WithXattr("trusted.overlay.opaque", "y").WithXattr("trusted.x", "1").
			WithXattr("user.overlay.opaque", "y").WithXattr("security.selinux", "x").WithXattr("user.sandkit.stat", "0:0"),
		dir("d").WithXattr("trusted.overlay.opaque", "y").WithXattr("user.d", ""),
		file("cap", "").WithXattr("security.capability", capability).OwnedBy(5, 5),
		symlink("l", "f").WithXattr("user.a", "1"),
	)), Options{})
	roots, err := sourcesOf([]*os.File{l.file})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"f": "user.a", "d": "user.d", "cap": "security.capability"}
	if !b.full() {
		want["cap"] = xattrStat
	}
	for name, attribute := range want {
		all, err := roots[0].xattrs(name)
		if err != nil || len(all) != 1 || all[attribute] == nil {
			t.Errorf("%s: %q, %v", name, all, err)
		}
	}
	if a, _, err := roots[0].xattr("f", "user.a"); err != nil || string(a) != "1\x002" {
		t.Errorf("user.a: %q, %v", a, err)
	}
	skipped := 7 // six that are the host's, one of a link
	if !b.full() {
		skipped++ // capabilities
	}
	if len(l.info.Skipped) != skipped {
		t.Errorf("%d: %v", len(l.info.Skipped), l.info.Skipped)
	}
	if b.full() {
		_, err := b.apply(t, bytes.NewReader(archive(t, file("f", "").WithXattr("security.capability", "none"))), Options{})
		failed(t, err, image.ErrInvalid)
	}
}

// TestDevices: root makes them, others leave them out or record them.
func TestDevices(t *testing.T) { eachBackEnd(t, testDevices) }

func testDevices(t *testing.T, b backEnd) {
	raw := string(archive(t, char("null", 1, 3).OwnedBy(1, 2), hard("zero", "null")))
	for policy, want := range map[Devices]string{
		DevicesDefault: "null:char zero:char", DevicesSkip: "", DevicesRecord: "null:char zero:char",
	} {
		d := b.unpack(t, raw, Options{Devices: policy}).file
		if !b.full() && policy == DevicesDefault {
			want = ""
		}
		if got := namesOf(t, Flat, d); got != want {
			t.Errorf("%d: %q, want %q", policy, got, want)
		}
		if want == "" {
			continue
		}
		entries, err := Tree(Flat, d)
		if err != nil || entries[0].Major != 1 || entries[0].Minor != 3 || entries[0].UID != 1 || entries[0].GID != 2 || entries[1].Link != "null" {
			t.Errorf("%v, %v", entries, err)
		}
	}
}

// TestIDMap: owners are mapped, or are an error.
func TestIDMap(t *testing.T) {
	eachBackEnd(t, func(t *testing.T, b backEnd) {
		if b == toDir {
			testutil.NeedRoot(t)
		}
		testIDMap(t, b)
	})
}

func testIDMap(t *testing.T, b backEnd) {
	ids := []IDRange{{0, 100000, 1000}, {65534, 165534, 1}}
	d := b.unpack(t, string(archive(t, file("d/f", "").OwnedBy(999, 65534))), Options{UIDs: ids, GIDs: ids}).file
	entries, err := Tree(Flat, d)
	if err != nil || entries[0].UID != 100000 || entries[1].UID != 100999 || entries[1].GID != 165534 {
		t.Errorf("%v, %v", entries, err)
	}
	_, err = b.apply(t, bytes.NewReader(archive(t, file("g", "").OwnedBy(1000, 0))), Options{UIDs: ids, GIDs: ids})
	failed(t, err, image.ErrInvalid)
	if !strings.Contains(err.Error(), "uid 1000 is not mapped") {
		t.Error(err)
	}
}

// TestPAXHeaders: global headers are about no entry, and base-256 numbers are
// read.
func TestPAXHeaders(t *testing.T) {
	global := item{}
	global.Typeflag, global.PAXRecords = 'g', map[string]string{"comment": "x", "path": "/etc/evil"}
	gnu := file("gnu/"+strings.Repeat("n", 200), "").OwnedBy(1<<21+5, 3)
	gnu.Format, gnu.ModTime = 4 /* GNU */, gnu.ModTime.Truncate(1e9)
	for _, b := range backEnds {
		entries := entriesOf(t, Flat, b.unpack(t, string(archive(t, global, gnu)), Options{}).file)
		if len(entries) != 2 || entries[1].UID != 1<<21+5 {
			t.Errorf("%s: %v", b, entries)
		}
	}
}

// TestSparse: all formats of sparse files that GNU tar writes become files
// with holes.
func TestSparse(t *testing.T) {
	gnutar, err := exec.LookPath("tar")
	if err != nil {
		testutil.Skip(t, "no tar")
	}
	src := t.TempDir()
	f, err := os.Create(src + "/sparse") //nolint:forbidigo // a fresh directory
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(30) { // more than fit into the first header
		if _, err := f.WriteAt([]byte("data"), 1<<20*i+100); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(40 << 20); err != nil {
		t.Fatal(err)
	}
	f.Close()
	root, err := os.Open(src)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	want, err := contentDigest(fdSource{fd: int(root.Fd())}, "sparse")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"gnu", "posix --sparse-version=0.0", "posix --sparse-version=0.1", "posix --sparse-version=1.0"} {
		args := append(append([]string{"-C", src, "-S"}, strings.Fields("--format="+format)...), "-c", "sparse")
		raw, err := exec.CommandContext(t.Context(), gnutar, args...).Output()
		if err != nil || len(raw) > 1<<20 {
			testutil.Skip(t, "tar writes no sparse files of this format: "+format)
		}
		for _, b := range backEnds {
			l, err := b.apply(t, bytes.NewReader(raw), Options{})
			if err != nil {
				t.Fatal(err)
			}
			path := l.file.Name()
			if b == toDir {
				path += "/sparse"
			}
			l.finish(t)
			if entries := entriesOf(t, Flat, l.file); len(entries) != 1 || entries[0].Digest != want {
				t.Errorf("%s: %s: %v", b, format, entries)
			}
			var st syscall.Stat_t
			if err := syscall.Stat(path, &st); err != nil || st.Blocks*512 > 4<<20 {
				t.Errorf("%s: %s: %d blocks, %v", b, format, st.Blocks, err)
			}
		}
	}
}

// TestDeepPath: paths may be longer than any that the kernel takes.
func TestDeepPath(t *testing.T) {
	path := strings.Repeat(strings.Repeat("d", 100)+"/", 200)
	raw := string(archive(t, file(path+"f", "x"), hard(path+"g", path+"f"), hard("h", path+"f")))
	for _, b := range backEnds {
		entries := entriesOf(t, Flat, b.unpack(t, raw, Options{}).file)
		if len(entries) != 203 || entries[201].Link != Path(path+"f") {
			t.Errorf("%s: %d entries", b, len(entries))
		}
	}
}
