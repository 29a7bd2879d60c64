package seccomp

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"
)

// seeds are profiles to start fuzzing from.
func seeds(f *testing.F) {
	f.Helper()
	docker, err := os.ReadFile("testdata/docker.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(docker)
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ALLOW","flags":[],"syscalls":[{"names":["mount"],"action":"SCMP_ACT_KILL"}]}`))
	f.Add([]byte(`{"base":"strict","allow":["flock"],"deny":["read"]}`))
	f.Add([]byte(`{"ociVersion":"1.0","linux":{"seccomp":{"defaultAction":"SCMP_ACT_LOG"}}}`))
	f.Add([]byte(`"unconfined"`))
}

// checkStable makes sure that a profile survives its own JSON and compiles or
// says why not.
func checkStable(t *testing.T, p Profile) {
	t.Helper()
	first := mustJSON(t, p)
	var q Profile
	if err := json.Unmarshal([]byte(first), &q); err != nil {
		t.Fatalf("read %s: %v", first, err)
	}
	if second := mustJSON(t, q); second != first {
		t.Fatalf("%s became %s", first, second)
	}
	if !p.Equal(q) || p.String() != q.String() {
		t.Fatalf("%v became %v", p, q)
	}
	for _, goarch := range []string{"amd64", "arm64"} {
		if fl, err := p.Compile(Target{Arch: goarch}); err == nil && len(fl.Instructions) > 0 {
			checkProgram(t, fl.Instructions)
		}
	}
}

func FuzzParseDocker(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := ParseDocker(data); err == nil {
			checkStable(t, p)
		}
	})
}

func FuzzParseOCI(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseOCI(data)
		if err != nil {
			return
		}
		checkStable(t, p)
		if q, err := ParseDocker(data); err != nil || !q.Equal(p) {
			t.Fatalf("as a Docker profile: %v, %v", q, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := Parse(data); err == nil {
			checkStable(t, p)
		}
	})
}

// FuzzCompile builds a random profile and compares the program's verdicts with
// those of a plain evaluation of the rules, on random calls.
func FuzzCompile(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint8(seed*40))
	}
	f.Fuzz(func(t *testing.T, seed uint64, size uint8) {
		random := rand.New(rand.NewPCG(seed, uint64(size)))
		p := randomProfile(t, random, int(size))
		target := Target{Arch: pick(random, "amd64", "arm64"), Kernel: Version{6, 1}}
		if random.IntN(2) == 0 {
			target.Caps = dockerCaps
		}
		filter, err := p.Compile(target)
		if err != nil {
			t.Skip(err) // too large
		}
		if len(filter.Instructions) == 0 {
			return
		}
		checkProgram(t, filter.Instructions)
		for range 2000 {
			c := randomCall(random, target.Arch)
			got, _ := interpret(t, filter.Instructions, c)
			if want := judgement(p, target, c); got != want {
				t.Fatalf("%s %d %#x: %v, want %v", target.Arch, c.number, c.args, got, want)
			}
		}
	})
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// randomValue prefers values that random conditions and calls have in common.
func randomValue(random *rand.Rand) uint64 {
	if random.IntN(8) == 0 {
		return random.Uint64()
	}
	return pick[uint64](random, 0, 1, 2, 1<<32-1, 1<<32, 1<<32+1, 1<<63, 1<<64-1)
}

func randomProfile(tb testing.TB, random *rand.Rand, rules int) Profile {
	tb.Helper()
	names := []string{"read", "write", "openat", "clone", "kill", "ioctl", "fork", "mseal", "chown32", "newfstatat", "uprobe"}
	actions := []string{
		"SCMP_ACT_ALLOW", "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
		"SCMP_ACT_TRAP", "SCMP_ACT_TRACE", "SCMP_ACT_LOG",
	}
	doc := document{DefaultAction: pick(random, actions...)}
	for range rules {
		r := docRule{Action: pick(random, actions...)}
		for range 1 + random.IntN(3) {
			r.Names = append(r.Names, pick(random, names...))
		}
		if r.Action == "SCMP_ACT_ERRNO" && random.IntN(2) == 0 {
			r.ErrnoRet = new(uint32(random.IntN(4096)))
		}
		for range random.IntN(4) {
			r.Args = append(r.Args, docArg{
				Index: uint(random.IntN(maxArgs)), Op: pick(random, operatorNames...),
				Value: randomValue(random), ValueTwo: randomValue(random),
			})
		}
		switch random.IntN(6) {
		case 0:
			r.Includes = &docGate{Caps: []string{"CAP_CHOWN"}, MinKernel: Version{6, random.IntN(3)}}
		case 1:
			r.Excludes = &docGate{Caps: []string{"CAP_CHOWN"}, Arches: []string{"arm64"}}
		}
		doc.Syscalls = append(doc.Syscalls, r)
	}
	p, err := ParseDocker([]byte(mustJSON(tb, doc)))
	if err == nil && random.IntN(2) == 0 {
		p, err = p.Allow(pick(random, names...))
	}
	if err == nil && random.IntN(2) == 0 {
		p, err = p.Deny(pick(random, names...))
	}
	if err == nil && random.IntN(20) == 0 {
		p.base, p.doc = pick(random, baseDefault, baseStrict, baseUnconfined), nil
	}
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func randomCall(random *rand.Rand, goarch string) call {
	c := call{number: uint32(random.IntN(480)), arch: auditOf(goarch)}
	switch random.IntN(12) {
	case 0:
		c.number = random.Uint32()
	case 1:
		c.arch = pick(random, uint32(auditI386), auditARM, auditAMD64, auditARM64)
	case 2, 3, 4, 5, 6, 7:
		c.number = pick[uint32](random, 0, 1, 2, 16, 56, 57, 62, 29, 63, 64, 79, 129, 220, 257, 262, 336, 462, 463)
	}
	for i := range c.args {
		c.args[i] = randomValue(random)
	}
	return c
}
