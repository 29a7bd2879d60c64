package program_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"syscall"
	"testing"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
)

// Where parts and fields are; internal/launch/src/wire.h has the same.
const (
	base     = 0x40000000
	partSize = 0x08000000
	stepSize = 80
	stepArgs = 32
)

// wire reads parts as the launcher does.
type wire struct {
	t     testing.TB
	parts []program.Part
}

func encode(t testing.TB, p *program.Program) wire {
	t.Helper()
	parts, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return wire{t, parts}
}

// at gives the memory from an address on.
func (w wire) at(address uint64) []byte {
	w.t.Helper()
	n := (address - base) / partSize
	if address < base || n >= uint64(len(w.parts)) {
		w.t.Fatalf("address %#x is in no part", address)
	}
	return w.parts[n].Code[address-base-n*partSize:]
}

func (w wire) number(address uint64) uint64 { return binary.NativeEndian.Uint64(w.at(address)) }

func (w wire) text(address uint64) string {
	b := w.at(address)
	return string(b[:bytes.IndexByte(b, 0)])
}

// A wireStep is struct step.
type wireStep struct {
	nr     uint32
	slots  byte
	ignore [4]uint16
	out    uint64
	args   [6]uint64
}

func (w wire) step(part, n int) wireStep {
	b, e := w.parts[part].Code[n*stepSize:], binary.NativeEndian
	st := wireStep{nr: e.Uint32(b), slots: b[4], out: e.Uint64(b[16:])}
	for i := range st.ignore {
		st.ignore[i] = e.Uint16(b[6+2*i:])
	}
	for i := range st.args {
		st.args[i] = e.Uint64(b[stepArgs+8*i:])
	}
	return st
}

// TestEncodeOnePart: results of steps reach later ones, and strings are there
// once.
func TestEncodeOnePart(t *testing.T) {
	p := program.New()
	f := p.Init.Openat(program.Cwd, "/a", sys.O_RDWR, 0o640).Ignore(syscall.ENOENT, syscall.EACCES)
	p.Init.Write(f, "/a")
	p.Main.Close(f)
	w := encode(t, p)
	if len(w.parts) != 1 || w.parts[0].Main != 2 {
		t.Fatalf("%d parts, the main process begins at %d", len(w.parts), w.parts[0].Main)
	}
	open, write, closing := w.step(0, 0), w.step(0, 1), w.step(0, 2)
	if open.nr != sys.CallOpenat.Nr || w.text(open.args[1]) != "/a" || open.args[2] != sys.O_RDWR|sys.O_CLOEXEC || open.args[3] != 0o640 {
		t.Errorf("openat: %+v", open)
	}
	if int64(open.args[0]) != -100 || open.slots != 0 {
		t.Errorf("the current directory is %d, slots %b", int64(open.args[0]), open.slots)
	}
	if open.ignore != [4]uint16{uint16(syscall.ENOENT), uint16(syscall.EACCES)} {
		t.Errorf("ignored errnos %v", open.ignore)
	}
	if open.out == 0 || write.args[0] != open.out || write.slots != 1 || closing.args[0] != open.out || closing.slots != 1 {
		t.Errorf("the descriptor goes to %#x; write takes it from %#x, close from %#x", open.out, write.args[0], closing.args[0])
	}
	if write.args[1] != open.args[1] || write.args[2] != 2 {
		t.Errorf("the same string lies at %#x and %#x", open.args[1], write.args[1])
	}
}

// TestEncodeTwoParts: what the prelude made is found by the rest, at the
// addresses of the prelude.
func TestEncodeTwoParts(t *testing.T) {
	p := program.New()
	early := p.Pass("early")
	f := p.Init.Openat(early, "x", 0, 0)
	w1 := p.NewWord()
	p.Main.Await(w1)
	p.Cut()
	late := p.Pass("late")
	p.Init.Fchdir(f)
	g := p.Init.Openat(late, "x", 0, 0)
	p.Init.Close(g)
	p.Init.Post(w1)
	w2 := p.NewWord()
	p.Main.Await(w2)
	w := encode(t, p)
	if len(w.parts) != 2 || w.parts[0].Main != 2 || w.parts[1].Main != 4 {
		t.Fatalf("parts %d, %d and %d", len(w.parts), w.parts[0].Main, w.parts[1].Main)
	}
	open, chdir, again := w.step(0, 0), w.step(1, 0), w.step(1, 1)
	if open.args[0] != 1 || open.slots != 0 {
		t.Errorf("a file of the prelude has number %d, slots %b", open.args[0], open.slots)
	}
	if open.out>>24 != base>>24 || chdir.args[0] != open.out {
		t.Errorf("the descriptor goes to %#x and is taken from %#x", open.out, chdir.args[0])
	}
	if again.args[0] != w.parts[1].Files || again.slots != 1 || again.out>>24 != (base+partSize)>>24 {
		t.Errorf("a file of the rest: %+v, files at %#x", again, w.parts[1].Files)
	}
	if await, post := w.step(0, 2), w.step(1, 3); await.args[0] != post.args[0] || await.args[0]>>24 != base>>24 {
		t.Errorf("awaited is %#x, posted %#x", await.args[0], post.args[0])
	}
	if await := w.step(1, 4); await.args[0]>>24 != (base+partSize)>>24 {
		t.Errorf("the second word lies at %#x", await.args[0])
	}
	// A string is placed in the part that uses it.
	if again.args[1] == open.args[1] || w.text(again.args[1]) != "x" {
		t.Errorf("the path of the second part lies at %#x", again.args[1])
	}
}

// TestEncodePointers: structures point to other data, and results land in them.
func TestEncodePointers(t *testing.T) {
	p := program.New()
	filter := []byte("8 bytes.another.")
	p.Main.Seccomp(filter, 3)
	rules := p.Main.LandlockRuleset(make([]byte, 16), "rules")
	p.Main.LandlockAllow(rules, "/allowed", 0x1234)
	p.Main.Execve("/bin/x", []string{"x", "", "arg"}, nil)
	p.Main.ExecveAny([]string{"/a/x", "/b/x"}, []string{"x"}, []string{"A=b"})
	w := encode(t, p)
	load := w.step(0, 0)
	prog := w.at(load.args[2])
	if n := binary.NativeEndian.Uint16(prog); n != 2 || !bytes.HasPrefix(w.at(binary.NativeEndian.Uint64(prog[8:])), filter) {
		t.Errorf("a filter of %d instructions", n)
	}
	open, add := w.step(0, 2), w.step(0, 3)
	if open.out != add.args[2]+8 || w.text(open.args[1]) != "/allowed" || w.number(add.args[2]) != 0x1234 {
		t.Errorf("the directory goes to %#x, the rule lies at %#x", open.out, add.args[2])
	}
	exec := w.step(0, 4)
	for i, want := range []string{"x", "", "arg"} {
		if got := w.text(w.number(exec.args[1] + 8*uint64(i))); got != want {
			t.Errorf("argument %d is %q, want %q", i, got, want)
		}
	}
	if end, env := w.number(exec.args[1]+24), w.number(exec.args[2]); end != 0 || env != 0 {
		t.Errorf("the lists end with %#x and %#x", end, env)
	}
	first, second, denied := w.step(0, 5), w.step(0, 6), w.step(0, 7)
	note := func(n int) uint64 { return binary.NativeEndian.Uint64(w.parts[0].Code[n*stepSize+24:]) }
	if note(4) != 0 || note(5) == 0 || note(5) != note(6) || denied.args[0] != note(5) || denied.args[1] != uint64(syscall.ENOENT) {
		t.Errorf("notes %#x and %#x, read from %#x", note(5), note(6), denied.args[0])
	}
	if first.ignore != second.ignore || first.ignore[0] == 0 {
		t.Errorf("a search along PATH stops at %v and %v", first.ignore, second.ignore)
	}
}

// FuzzStrings: whatever a string has in it, the launcher finds just that, and
// the Program prints one line for each step.
func FuzzStrings(f *testing.F) {
	f.Add("/usr/bin/true", "A=b", "/data")
	f.Add("a\nb", "%s\x1b[2J", "\n   12  umount2(\"/\")")
	f.Add("", "\xff\xfe", strings.Repeat("x", 5000))
	f.Fuzz(func(t *testing.T, path, env, subject string) {
		if strings.Contains(path+env+subject, "\x00") {
			return // refused before
		}
		p := program.New()
		p.Init.Stage("mount", subject)
		p.Init.Mkdirat(program.Cwd, path, 0o755)
		p.Cut()
		p.Main.Execve(path, []string{path, env}, []string{env})
		w := encode(t, p)
		if got := w.text(w.step(0, 0).args[1]); got != path {
			t.Errorf("path %q arrived as %q", path, got)
		}
		exec := w.step(1, 0)
		argv := []string{w.text(exec.args[0]), w.text(w.number(exec.args[1])), w.text(w.number(exec.args[1] + 8)), w.text(w.number(exec.args[2]))}
		if argv[0] != path || argv[1] != path || argv[2] != env || argv[3] != env {
			t.Errorf("arguments %q", argv)
		}
		// Two processes with a headline and two steps each.
		if got := strings.Count(p.String(), "\n"); got != 6 {
			t.Errorf("%d lines:\n%s", got, p)
		}
	})
}
