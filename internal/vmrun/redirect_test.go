//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"
)

func TestRedirect(t *testing.T) {
	for _, c := range []struct{ args, want, back string }{
		{"-test.v -test.run X", "-test.v -test.run X", ""},
		{"-test.coverprofile=/t/c", "-test.coverprofile=/.vmrun/out/o0", "o0=/t/c"},
		{"--test.coverprofile=c", "--test.coverprofile=/.vmrun/out/o0", "o0=/cwd/c"},
		{"-test.coverprofile c x", "-test.coverprofile=/.vmrun/out/o0 x", "o0=/cwd/c"},
		{"-test.coverprofile=", "-test.coverprofile=", ""},
		{"-test.coverprofile", "-test.coverprofile", ""},
		{"test.coverprofile=c", "test.coverprofile=c", ""},
		{"-- -test.coverprofile=c", "-- -test.coverprofile=c", ""},
		{
			"-test.gocoverdir=/d -test.testlogfile=/l",
			"-test.gocoverdir=/.vmrun/out/o0 -test.testlogfile=/.vmrun/out/o1", "o0=/d/ o1=/l",
		},
		// As go test passes a profile: relative to the folder that go ran in.
		{
			"-test.cpuprofile=cpu -test.outputdir=/go -test.testlogfile=l -test.memprofile=/m",
			"-test.cpuprofile=cpu -test.outputdir=/.vmrun/out/o0 -test.testlogfile=/.vmrun/out/o1 -test.memprofile=/.vmrun/out/o2",
			"o0=/go/ o1=/cwd/l o2=/m",
		},
		{"-test.trace=t -- -test.outputdir=/d", "-test.trace=/.vmrun/out/o0 -- -test.outputdir=/d", "o0=/cwd/t"},
	} {
		var o outputs
		got := strings.Join(o.redirect(strings.Fields(c.args), "/cwd"), " ")
		var back []string
		for _, p := range o.paths {
			s := p.name + "=" + p.host
			if p.dir {
				s += "/"
			}
			back = append(back, s)
		}
		if got != c.want || strings.Join(back, " ") != c.back {
			t.Errorf("%s\n got %s, back %s\nwant %s, back %s", c.args, got, back, c.want, c.back)
		}
	}
}

func TestEnviron(t *testing.T) {
	for name, value := range map[string]string{
		"GODEBUG": "x=1", "GOFLAGS": "-mod=mod", "GOCOVERDIR": "cov", "SECRET": "s", "PASSED": "on", "GOGC": "",
	} {
		t.Setenv(name, value)
	}
	o := &options{kernel: "6.1", uid: 1000, env: list{"A=1", "PASSED", "ABSENT", "HOME=/elsewhere", "A=2", "E="}}
	var out outputs
	got := o.environ("/work", &out)
	for _, want := range []string{
		"SANDKIT_VM=6.1", "GODEBUG=x=1", "GOCOVERDIR=/.vmrun/out/o0", "PASSED=on", "HOME=/elsewhere", "A=2", "E=",
		"USER=tester", "XDG_RUNTIME_DIR=/run/user/1000", "TMPDIR=/.vmrun/tmp", "PWD=/work",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	names := map[string]int{}
	for _, kv := range got {
		name, _, _ := strings.Cut(kv, "=")
		names[name]++
	}
	for _, absent := range []string{"GOFLAGS", "SECRET", "ABSENT"} {
		if names[absent] != 0 {
			t.Errorf("%s was passed on", absent)
		}
	}
	for name, n := range names {
		if n != 1 {
			t.Errorf("%s is set %d times", name, n)
		}
	}
	if p, ok := out.find("o0"); !ok || p.host != "/work/cov" || !p.dir {
		t.Errorf("GOCOVERDIR comes back to %+v", p)
	}
}
