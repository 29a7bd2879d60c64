package seccomp

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// fact is one entry of testdata/docker.facts.
type fact struct {
	caps, noCaps []string
	arch         string
	conds        []condition
	names        []string
}

// dockerFacts reads what Docker's default profile allows.
func dockerFacts(tb testing.TB) []fact {
	tb.Helper()
	data, err := os.ReadFile("testdata/docker.facts")
	if err != nil {
		tb.Fatal(err)
	}
	var facts []fact
	for line := range strings.Lines(string(data)) {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, " "):
			last := &facts[len(facts)-1]
			last.names = append(last.names, strings.Fields(line)...)
		default:
			conds, names, _ := strings.Cut(line, ":")
			facts = append(facts, parseFact(tb, conds, strings.Fields(names)))
		}
	}
	return facts
}

func parseFact(tb testing.TB, conds string, names []string) fact {
	tb.Helper()
	f := fact{names: names}
	for cond := range strings.SplitSeq(conds, ", ") {
		key, value, _ := strings.Cut(cond, "=")
		switch {
		case cond == "always":
		case key == "cap":
			f.caps = append(f.caps, value)
		case key == "nocap":
			f.noCaps = append(f.noCaps, value)
		case key == "arch":
			f.arch = value
		default:
			f.conds = append(f.conds, parseFactArg(tb, cond))
		}
	}
	return f
}

func parseFactArg(tb testing.TB, text string) condition {
	tb.Helper()
	var c condition
	if _, err := fmt.Sscanf(text, "arg%d & %v = %v", &c.arg, &c.mask, &c.value); err == nil {
		c.op = opMaskedEqual
		return c
	}
	var op string
	if _, err := fmt.Sscanf(text, "arg%d %s %v", &c.arg, &op, &c.value); err != nil {
		tb.Fatalf("%q: %v", text, err)
	}
	c.op = map[string]operator{"=": opEqual, "<": opLess, ">": opGreater}[op]
	return c
}

// dockerAllows says whether Docker lets the call through.
func dockerAllows(facts []fact, goarch string, caps []string, args [maxArgs]uint64) bool {
	return slices.ContainsFunc(facts, func(f fact) bool {
		for _, c := range f.caps {
			if !slices.Contains(caps, c) {
				return false
			}
		}
		for _, c := range f.noCaps {
			if slices.Contains(caps, c) {
				return false
			}
		}
		return (f.arch == "" || f.arch == goarch) && matches(f.conds, args)
	})
}

// dockerCaps are what Docker gives a container.
var dockerCaps = []string{
	"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
	"CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP",
	"CAP_SETUID", "CAP_SYS_CHROOT",
}

// capSets are no capabilities, Docker's, each that opens anything by itself,
// and all of those.
func capSets(facts []fact) [][]string {
	single := map[string]bool{"CAP_NET_ADMIN": true, "CAP_NET_RAW": true, "CAP_MKNOD": true}
	for _, f := range facts {
		for _, c := range f.caps {
			single[c] = true
		}
	}
	sets := [][]string{nil, dockerCaps, slices.Sorted(maps.Keys(single))}
	for c := range single {
		sets = append(sets, []string{c})
	}
	return sets
}

// interesting are arguments at which some rule changes its mind, with and
// without bits in the half that the kernel does not read.
func interesting() []uint64 {
	values := []uint64{
		0, 1, 2, 3, 4, 7, 8, 9, 10, 12, 15, 16, 17, 21, 37, 38, 39, 40, 41, 44, 46, 0x5412, 0x541c, 0x5423,
		0x2000, 0x6000, 0x8000, 0x1000, 0x20000, 0x20008, 0x40000, 0x400000, 0x10000000, 0x7e020000,
		0x3d0f00, 0x80, 0xffffffff,
	}
	for _, v := range slices.Clone(values) {
		values = append(values, v|1<<32, v|1<<63)
	}
	return values
}

// TestDefaultAsStrictAsDocker checks that whatever Docker's default profile
// refuses, ours and the strict one refuse too.
func TestDefaultAsStrictAsDocker(t *testing.T) {
	t.Parallel()
	facts := dockerFacts(t)
	byName := make(map[string][]fact)
	for _, f := range facts {
		for _, name := range f.names {
			byName[name] = append(byName[name], f)
		}
	}
	for _, goarch := range []string{"amd64", "arm64"} {
		names := namesByNumber(t, goarch)
		for _, caps := range capSets(facts) {
			positions := 3
			if len(caps) == 1 {
				positions = 1 // for time's sake: no capability opens a second argument
			}
			for _, p := range []Profile{Default(), Strict()} {
				f := mustCompile(t, p, Target{Arch: goarch, Caps: caps})
				for number := range uint32(700) {
					name := names[number]
					for _, v := range interesting() {
						for i := range positions {
							c := call{number: number, arch: auditOf(goarch)}
							c.args[i] = v
							got, _ := interpret(t, f.Instructions, c)
							if got.permits() && !dockerAllows(byName[name], goarch, caps, c.args) {
								t.Errorf("%s, caps %v: %s(%d) allows %#x, Docker does not", goarch, caps, name, number, c.args)
							}
						}
					}
				}
			}
		}
	}
}

// namesByNumber returns the calls that an architecture has.
func namesByNumber(tb testing.TB, goarch string) map[uint32]string {
	tb.Helper()
	arch, err := architectureOf(goarch)
	if err != nil {
		tb.Fatal(err)
	}
	names := make(map[uint32]string)
	all := slices.Collect(maps.Keys(arch.calls))
	all = append(all, "newfstatat")
	for _, c := range newCalls {
		all = append(all, c.name)
	}
	for _, name := range all {
		if n, ok := arch.number(name); ok && name != "fstatat" {
			names[n] = name
		}
	}
	return names
}

// TestDefaultMissesLittleOfDocker lists what Docker allows without a look at
// capabilities or arguments and the default profile does not, so that every
// difference is one that was meant.
func TestDefaultMissesLittleOfDocker(t *testing.T) {
	t.Parallel()
	want := "epoll_ctl_old epoll_wait_old fanotify_mark get_thread_area modify_ldt process_vm_readv process_vm_writev ptrace set_thread_area"
	f := mustCompile(t, Default(), Target{Arch: "amd64"})
	var got []string
	for _, fact := range dockerFacts(t) {
		if len(fact.caps)+len(fact.noCaps)+len(fact.conds) > 0 {
			continue
		}
		for _, name := range fact.names {
			c := call{number: numberOf(t, "amd64", name), arch: auditAMD64, args: [maxArgs]uint64{1}}
			if act, _ := interpret(t, f.Instructions, c); act != actAllow {
				got = append(got, name)
			}
		}
	}
	slices.Sort(got)
	if s := strings.Join(got, " "); s != want {
		t.Errorf("refused:\n%s, want\n%s", s, want)
	}
}
