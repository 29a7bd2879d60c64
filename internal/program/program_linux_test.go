package program_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/program"
	"github.com/sandkit/sandkit/internal/sys"
	"github.com/sandkit/sandkit/internal/testutil"
)

// sample uses every kind of argument.
func sample() *program.Program {
	p := program.New()
	p.CloneFlags = sys.CLONE_NEWNS | sys.CLONE_NEWPID
	users := p.Pass("id map")
	p.PassMain("stdin")
	p.PassMain("stdout")
	q := p.Init
	q.Stage("namespaces", "")
	q.Fork(sys.CLONE_NEWPID)
	q.Setns(users, sys.CLONE_NEWUSER)
	q.Spawn(sys.CLONE_NEWNET)
	q.Stage("root", "/")
	m := q.NewMount("tmpfs", sys.MOUNT_ATTR_NOSUID|sys.MOUNT_ATTR_NODEV, program.Option{Key: "size", Value: "4k"}, program.Option{Key: "ro"})
	q.MountSetattr(m, "", true, program.MountAttr{Set: sys.MOUNT_ATTR_RDONLY | sys.MOUNT_ATTR_IDMAP, Propagation: sys.MS_PRIVATE, UserNS: users})
	q.MoveMount(m, program.Cwd, "a\nb").Ignore(syscall.ENOENT, syscall.ENOTDIR)
	p.Main.Stage("network", "lo")
	p.Main.LoopbackUp()
	p.Cut()
	late := p.Pass("network namespace")
	w := p.NewWord()
	q.Stage("mount", "/a\nb")
	t := q.OpenTree(late, "", true)
	q.Openat2(t, "x", sys.O_PATH|sys.O_NOFOLLOW|1<<30, sys.RESOLVE_IN_ROOT)
	q.Write(t, strings.Repeat("long ", 30))
	q.Mknodat(t, "null", 0o20666, 0x103)
	q.Detach("/old")
	q.Stage("process", "")
	q.Capset(1<<40|1, 3, 0)
	q.Prctl(sys.PR_SET_DUMPABLE, 0, 0)
	q.Post(w)
	q.Stay()
	p.Main.Stage("user", "1000")
	p.Main.Await(w)
	p.Main.TakeFiles()
	p.Main.Setgroups([]uint32{7, 8})
	p.Main.Setrlimit(7, "nofile", 10, 1<<64-1)
	p.Main.ExecveAny([]string{"/bin/x"}, strings.Split("x 1 2 3 4 5 6 7 8 9", " "), []string{`A="`})
	return p
}

func TestProgramPrintsItself(t *testing.T) { testutil.Golden(t, "sample", sample().String()) }

// TestLocate: every step that the launcher can report is found again, under
// the number that it is printed with.
func TestLocate(t *testing.T) {
	for name, p := range map[string]*program.Program{"cut": sample(), "whole": whole()} {
		parts, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		found := make(map[int]bool)
		for part, x := range parts {
			// Nothing in a sample lies far behind the steps, so this finds the end.
			for n := 0; ; n++ {
				reported := uint32(part)<<24 | uint32(n)
				st, at, err := p.Locate(reported)
				if err != nil {
					break
				}
				if found[at] || st.Call.Nr != (wire{t, parts}).step(part, n).nr || p.IsPrelude(reported) != (part == 0 && len(parts) == 2) {
					t.Errorf("%s: step %d of part %d is %s, number %d", name, n, part, st.Call.Name, at)
				}
				found[at] = true
				if main := n >= int(x.Main); main != (at >= p.Init.Len()) {
					t.Errorf("%s: step %d of part %d is number %d, which is the other process's", name, n, part, at)
				}
			}
		}
		if len(found) != p.Steps() {
			t.Errorf("%s: %d of %d steps were found", name, len(found), p.Steps())
		}
		for _, bad := range []uint32{1 << 20, 1<<24 | 1<<20, 1<<32 - 1} {
			if st, _, err := p.Locate(bad); err == nil {
				t.Errorf("%s: %#x is %s", name, bad, st.Call.Name)
			}
		}
	}
}

// whole is a Program without a cut.
func whole() *program.Program {
	p := program.New()
	p.Init.Chdir("/")
	p.Init.Setsid()
	p.Main.Umask(0o22)
	return p
}

// line gives a step as it is printed.
func line(t *testing.T, p *program.Program, n int) string {
	t.Helper()
	for l := range strings.Lines(p.String()) {
		if number, step, ok := strings.Cut(strings.TrimSpace(l), "  "); ok && number == itoa(n) {
			return strings.TrimSpace(step)
		}
	}
	t.Fatalf("no step %d in\n%s", n, p)
	return ""
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// TestBreak: the step does nothing but fail, and no other is touched.
func TestBreak(t *testing.T) {
	for n := range sample().Steps() {
		p, whole := sample(), encode(t, sample())
		p.Break(n)
		broken := encode(t, p)
		differ := 0
		for part := range broken.parts {
			for i := range len(broken.parts[part].Code) / stepSize {
				reported := uint32(part)<<24 | uint32(i)
				_, at, err := p.Locate(reported)
				if err != nil {
					break
				}
				if st := broken.step(part, i); at == n && (st.nr != 0xffff || st.ignore != [4]uint16{}) {
					t.Errorf("step %d is %+v", n, st)
				} else if st != whole.step(part, i) {
					differ++
				}
			}
		}
		if differ != 1 {
			t.Errorf("breaking step %d changed %d", n, differ)
		}
	}
}

// TestStall: the wait comes before the step, in the same part, and counts as
// its stage.
func TestStall(t *testing.T) {
	for n := range sample().Steps() {
		p := sample()
		total, step := p.Steps(), line(t, p, n)
		p.Stall(n, 1500*time.Millisecond)
		if p.Steps() != total+1 || line(t, p, n) != "nanosleep(1.5s, NULL)" || line(t, p, n+1) != step {
			t.Fatalf("before %q there is %q, after it %q", step, line(t, p, n), line(t, p, n+1))
		}
		w := encode(t, p)
		for part := range w.parts {
			for i := 0; ; i++ {
				st, at, err := p.Locate(uint32(part)<<24 | uint32(i))
				if err != nil {
					break
				}
				if at == n && (st.Call.Name != "nanosleep" || w.number(w.step(part, i).args[0]+8) != 5e8) {
					t.Errorf("step %d is reported as %s", n, st.Call.Name)
				}
			}
		}
	}
	p := sample()
	if n := p.Find("umount2"); n < 0 || !strings.HasPrefix(line(t, p, n), "umount2(") || p.Find("nowhere") != -1 {
		t.Errorf("umount2 is step %d", n)
	}
}

func TestForks(t *testing.T) {
	if !sample().Forks() || whole().Forks() {
		t.Error("a program that forks is taken for one that does not, or the reverse")
	}
}

// TestMistakesAreLoud: what only a mistake in the project can cause.
func TestMistakesAreLoud(t *testing.T) {
	for name, mistake := range map[string]func(p *program.Program){
		"five errnos": func(p *program.Program) { p.Init.Setsid().Ignore(1, 2, 3, 4, 5) },
		"late map": func(p *program.Program) {
			p.Cut()
			users := p.Pass("id map")
			p.Init.MountSetattr(program.Cwd, "", false, program.MountAttr{Set: sys.MOUNT_ATTR_IDMAP, UserNS: users})
		},
		"no such slot": func(p *program.Program) {
			other := program.New()
			p.Init.Close(other.Init.PidfdOpen(1))
			_, _ = p.Encode()
		},
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(r.(string), "BUG: ") {
					t.Errorf("%s: %v", name, r)
				}
			}()
			mistake(program.New())
		}()
	}
	p := program.New()
	p.Init.Setsid().Ignore(1, 2, 3, 4).Ignore(4, 1)
	if got := encode(t, p).step(0, 0).ignore; got != [4]uint16{1, 2, 3, 4} {
		t.Errorf("errnos given twice are kept as %v", got)
	}
}
