package seccomp

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	elastic "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/net/bpf"
)

// TestAgreesWithElastic compiles random profiles with go-seccomp-bpf too and
// compares the verdicts. The library compiles for the machine it runs on only
// and knows allow lists of disjoint groups without masks, so the profiles keep
// to that, and to what its assembler gets right (see elasticWords).
func TestAgreesWithElastic(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skipf("no filters for %s", runtime.GOARCH)
	}
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		ours, theirs := randomPolicies(t, random)
		f := mustCompile(t, ours, Target{})
		list, err := assembleElastic(&theirs)
		if err != nil {
			t.Fatal(err)
		}
		for number := range uint32(440) {
			for range 12 {
				c := call{number: number, arch: auditOf(runtime.GOARCH)}
				for i := range c.args {
					c.args[i] = elasticValue(random)
				}
				got, _ := interpret(t, f.Instructions, c)
				want, _ := interpret(t, list, c)
				if got != want {
					t.Fatalf("seed %d, call %d %#x: %v, go-seccomp-bpf %v", seed, number, c.args, got, want)
				}
			}
		}
	}
}

// TestElasticTakesArgumentForNumber shows why Compile has an assembler of its
// own: go-seccomp-bpf v1.6.0 does not load the number again after it looked at
// an argument in vain, and compares the argument with the numbers that follow.
func TestElasticTakesArgumentForNumber(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("the numbers are those of amd64")
	}
	const write, kill = 1, 62
	c := call{number: kill, arch: auditAMD64, args: [maxArgs]uint64{write}}
	p := profileOf(t, `
		{"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 7, "op": "SCMP_CMP_EQ"}]},
		{"names": ["write"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}]}`)
	if got, _ := interpret(t, mustCompile(t, p, Target{}).Instructions, c); got != eperm {
		t.Errorf("kill(1): %v", got)
	}
	cond := func(name string, arg uint32, value uint64) elastic.NameWithConditions {
		return elastic.NameWithConditions{Name: name, Conditions: elastic.ArgumentConditions{
			{Argument: arg, Operation: elastic.Equal, Value: value},
		}}
	}
	policy := elastic.Policy{DefaultAction: elastic.ActionErrno, Syscalls: []elastic.SyscallGroup{{
		Action:             elastic.ActionAllow,
		NamesWithCondtions: []elastic.NameWithConditions{cond("kill", 0, 7), cond("write", 1, 0)},
	}}}
	list, err := assembleElastic(&policy)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := interpret(t, list, c); got == eperm {
		t.Log("go-seccomp-bpf gets it right now; the comment at assembler is out of date")
	}
}

// TestAgreesWithElasticList compares the verdicts on the whole allow list,
// which has no conditions.
func TestAgreesWithElasticList(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skipf("no filters for %s", runtime.GOARCH)
	}
	list, err := listFilter()
	if err != nil {
		t.Fatal(err)
	}
	names, err := json.Marshal(alwaysAllowed(runtime.GOARCH))
	if err != nil {
		t.Fatal(err)
	}
	p := profileOf(t, fmt.Sprintf(`{"names": %s, "action": "SCMP_ACT_ALLOW"}`, names))
	f := mustCompile(t, p, Target{})
	for number := range uint32(467) {
		c := call{number: number, arch: auditOf(runtime.GOARCH)}
		got, _ := interpret(t, f.Instructions, c)
		if want, _ := interpret(t, list, c); got != want {
			t.Errorf("call %d: %v, go-seccomp-bpf %v", number, got, want)
		}
	}
}

// elasticWords are the halves of arguments. None is the number of a call that
// a random policy has a condition for.
var elasticWords = []uint64{0, 0x10000, 0x10001, 0x80000000, 0xffffffff}

func elasticValue(random *rand.Rand) uint64 {
	return pick(random, elasticWords...)<<32 | pick(random, elasticWords...)
}

// elasticOps are the comparisons that both have.
var elasticOps = map[string]elastic.Operation{
	"SCMP_CMP_EQ": elastic.Equal, "SCMP_CMP_NE": elastic.NotEqual,
	"SCMP_CMP_LT": elastic.LessThan, "SCMP_CMP_LE": elastic.LessOrEqual,
	"SCMP_CMP_GT": elastic.GreaterThan, "SCMP_CMP_GE": elastic.GreaterOrEqual,
}

// randomPolicies returns the same random allow list for both packages. It names
// the newest call that the library knows, because the two differ in what they
// do with newer ones.
func randomPolicies(tb testing.TB, random *rand.Rand) (Profile, elastic.Policy) {
	tb.Helper()
	rules := []string{`{"names": ["open_tree_attr"], "action": "SCMP_ACT_ALLOW"}`}
	group := elastic.SyscallGroup{Action: elastic.ActionAllow, Names: []string{"open_tree_attr"}}
	names := alwaysAllowed(runtime.GOARCH)
	for _, i := range random.Perm(len(names))[:120] {
		name := names[i]
		if random.IntN(2) == 0 || numberOf(tb, runtime.GOARCH, name) == 0 {
			rules = append(rules, fmt.Sprintf(`{"names": [%q], "action": "SCMP_ACT_ALLOW"}`, name))
			group.Names = append(group.Names, name)
			continue
		}
		for range 1 + random.IntN(2) {
			args, conds := randomConditions(random)
			rules = append(rules, fmt.Sprintf(`{"names": [%q], "action": "SCMP_ACT_ALLOW", "args": [%s]}`, name, args))
			group.NamesWithCondtions = append(group.NamesWithCondtions, elastic.NameWithConditions{Name: name, Conditions: conds})
		}
	}
	return profileOf(tb, strings.Join(rules, ",")), elastic.Policy{
		DefaultAction: elastic.ActionErrno,
		Syscalls:      []elastic.SyscallGroup{group},
	}
}

// randomConditions returns the same conditions on up to three arguments in
// both forms.
func randomConditions(random *rand.Rand) (string, elastic.ArgumentConditions) {
	var args []string
	var conds elastic.ArgumentConditions
	for _, i := range random.Perm(maxArgs)[:1+random.IntN(3)] {
		op := operatorNames[random.IntN(len(elasticOps))]
		value := elasticValue(random)
		args = append(args, fmt.Sprintf(`{"index": %d, "value": %d, "op": %q}`, i, value, op))
		conds = append(conds, elastic.Condition{Argument: uint32(i), Operation: elasticOps[op], Value: value})
	}
	return strings.Join(args, ","), conds
}

// listFilter is what go-seccomp-bpf makes of the calls that the default
// profile always allows: a list searched from the front.
func listFilter() ([]Instruction, error) {
	policy := elastic.Policy{
		DefaultAction: elastic.ActionErrno,
		Syscalls:      []elastic.SyscallGroup{{Action: elastic.ActionAllow, Names: alwaysAllowed(runtime.GOARCH)}},
	}
	return assembleElastic(&policy)
}

// assembleElastic compiles a policy with go-seccomp-bpf.
func assembleElastic(policy *elastic.Policy) ([]Instruction, error) {
	list, err := policy.Assemble()
	if err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(list)
	if err != nil {
		return nil, err
	}
	program := make([]Instruction, len(raw))
	for i, in := range raw {
		program[i] = Instruction{Code: in.Op, JT: in.Jt, JF: in.Jf, K: in.K}
	}
	return program, nil
}

// alwaysAllowed returns the names that go-seccomp-bpf also has.
func alwaysAllowed(goarch string) []string {
	arch, err := architectureOf(goarch)
	if err != nil {
		return nil
	}
	var names []string
	for _, r := range allowRules {
		for _, name := range r.names {
			if _, ok := arch.calls[name]; ok {
				names = append(names, name)
			}
		}
	}
	return names
}
