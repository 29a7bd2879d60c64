package seccomp

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"
)

func mustJSON(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

func TestZeroProfileIsDefault(t *testing.T) {
	t.Parallel()
	var p Profile
	if !p.Equal(Default()) || p.String() != Default().String() {
		t.Errorf("got %v", p)
	}
}

// spec stands for the larger value that a profile is part of.
type spec struct {
	Name    string
	Seccomp Profile `json:"seccomp,omitzero"`
}

// testProfiles returns a profile of each kind, by the JSON of a spec with it
// or, if that is long, by a name.
func testProfiles(tb testing.TB) map[string]Profile {
	tb.Helper()
	docker, err := os.ReadFile("testdata/docker.json")
	if err != nil {
		tb.Fatal(err)
	}
	must := func(p Profile, err error) Profile {
		if err != nil {
			tb.Fatal(err)
		}
		return p
	}
	custom := must(ParseDocker(docker))
	edited := must(Default().Allow("ptrace", "kcmp"))
	edited = must(edited.Deny("flock"))
	return map[string]Profile{
		`{"Name":"x"}`:                        Default(),
		`{"Name":"x","seccomp":"strict"}`:     Strict(),
		`{"Name":"x","seccomp":"unconfined"}`: Unconfined(),
		`{"Name":"x","seccomp":{"base":"default","allow":["kcmp","ptrace"],"deny":["flock"]}}`: edited,
		"custom":        custom,
		"edited custom": must(custom.Deny("read")),
	}
}

// TestJSON writes profiles as part of a larger value and reads them back.
func TestJSON(t *testing.T) {
	t.Parallel()
	for want, p := range testProfiles(t) {
		text := mustJSON(t, spec{"x", p})
		if want[0] == '{' && text != want {
			t.Errorf("wrote %s, want %s", text, want)
		}
		var back spec
		if err := json.Unmarshal([]byte(text), &back); err != nil {
			t.Fatal(err)
		}
		if !back.Seccomp.Equal(p) || mustJSON(t, back) != text {
			t.Errorf("%v came back as %v", p, back.Seccomp)
		}
		a, b := mustCompile(t, p, Target{Arch: "arm64"}), mustCompile(t, back.Seccomp, Target{Arch: "arm64"})
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%v compiles differently after the journey", p)
		}
	}
	if mustJSON(t, Default()) != `"default"` {
		t.Errorf("default is written as %s", mustJSON(t, Default()))
	}
	strict := Strict()
	if err := json.Unmarshal([]byte(`null`), &strict); err != nil || !strict.Equal(Strict()) {
		t.Errorf("null: %v, %v", strict, err)
	}
}

func TestAllowAndDeny(t *testing.T) {
	t.Parallel()
	verdict := func(p Profile, name string) action {
		f := mustCompile(t, p, Target{Arch: "amd64"})
		got, _ := interpret(t, f.Instructions, call{number: numberOf(t, "amd64", name), arch: auditAMD64})
		return got
	}
	for _, base := range []Profile{Default(), Strict(), profileOf(t, `{"names":["read"],"action":"SCMP_ACT_KILL"}`)} {
		p, err := base.Allow("ptrace", "clone3", "read")
		if err != nil {
			t.Fatal(err)
		}
		q, err := p.Deny("read", "clone3")
		if err != nil {
			t.Fatal(err)
		}
		if verdict(p, "ptrace") != actAllow || verdict(p, "clone3") != actAllow || verdict(p, "read") != actAllow {
			t.Errorf("%v does not allow", p)
		}
		if verdict(q, "ptrace") != actAllow || verdict(q, "clone3") != eperm || verdict(q, "read") != eperm {
			t.Errorf("%v is wrong", q)
		}
		if verdict(base, "ptrace") == actAllow {
			t.Errorf("%v was changed", base)
		}
	}
	q, err := Unconfined().Deny("mount")
	if err != nil || verdict(q, "mount") != eperm || verdict(q, "ptrace") != actAllow {
		t.Errorf("%v: %v", q, err)
	}
	_, err = Default().Deny("flok")
	if fe, ok := errors.AsType[*FieldError](err); !ok || fe.Value != "flok" {
		t.Errorf("flok: %v", err)
	}
	if same, err := Default().Deny(); err != nil || !same.Equal(Default()) {
		t.Errorf("nothing denied: %v, %v", same, err)
	}
}

func TestCustomProfileIsNotShared(t *testing.T) {
	t.Parallel()
	p := profileOf(t, `{"names":["read"],"action":"SCMP_ACT_ALLOW"},{"names":["write"],"action":"SCMP_ACT_ALLOW"}`)
	before := mustJSON(t, p)
	done := make(chan error)
	for range 4 {
		go func() {
			q, err := p.Deny("read")
			if err == nil {
				_, err = q.Compile(Target{Arch: "amd64"})
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if mustJSON(t, p) != before {
		t.Errorf("changed to %v", p)
	}
}
