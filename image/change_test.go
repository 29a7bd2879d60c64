package image

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func ports(names ...string) map[string]struct{} {
	m := make(map[string]struct{})
	for _, n := range names {
		m[n] = struct{}{}
	}
	return m
}

func TestApplyChanges(t *testing.T) {
	base := RunConfig{Env: []string{"PATH=/bin", "A=1", "EMPTY="}, Cmd: []string{"old"}, WorkingDir: "/srv"}
	for _, c := range []struct {
		changes string // one per line, "|" between several
		want    func(c *RunConfig)
	}{
		{`CMD ["a", "b c"]`, func(c *RunConfig) { c.Cmd = []string{"a", "b c"} }},
		{`cmd echo "$A" 'x'`, func(c *RunConfig) { c.Cmd = []string{"/bin/sh", "-c", `echo "$A" 'x'`} }},
		{`CMD [ -e x ] && y`, func(c *RunConfig) { c.Cmd = []string{"/bin/sh", "-c", "[ -e x ] && y"} }},
		{`CMD ["a", ]`, func(c *RunConfig) { c.Cmd = []string{"/bin/sh", "-c", `["a", ]`} }},
		{`CMD []`, func(c *RunConfig) { c.Cmd = nil }},
		{`ENTRYPOINT ["e"]`, func(c *RunConfig) { c.Entrypoint, c.Cmd = []string{"e"}, nil }},
		{`ENTRYPOINT e x`, func(c *RunConfig) { c.Entrypoint, c.Cmd = []string{"/bin/sh", "-c", "e x"}, nil }},
		{`CMD ["c"]|ENTRYPOINT ["e"]`, func(c *RunConfig) { c.Entrypoint, c.Cmd = []string{"e"}, []string{"c"} }},
		{`ENTRYPOINT ["e"]|CMD ["c"]`, func(c *RunConfig) { c.Entrypoint, c.Cmd = []string{"e"}, []string{"c"} }},
		{`ENTRYPOINT []`, func(c *RunConfig) { c.Entrypoint, c.Cmd = nil, nil }},

		{`ENV B=2`, func(c *RunConfig) { c.Env = append(c.Env, "B=2") }},
		{`ENV A=2 C="d e" D=f\ g E='$A' F="\"$A\""`, func(c *RunConfig) {
			c.Env = []string{"PATH=/bin", "A=2", "EMPTY=", "C=d e", "D=f g", "E=$A", `F="1"`}
		}},
		{`ENV PATH=/x:$PATH`, func(c *RunConfig) { c.Env[0] = "PATH=/x:/bin" }},
		{`ENV A=2|ENV B=$A`, func(c *RunConfig) { c.Env = []string{"PATH=/bin", "A=2", "EMPTY=", "B=2"} }},
		{`ENV A=2 B=$A`, func(c *RunConfig) { c.Env = []string{"PATH=/bin", "A=2", "EMPTY=", "B=1"} }},
		{`ENV B one  "two" $A`, func(c *RunConfig) { c.Env = append(c.Env, "B=one  two 1") }},
		{`ENV B x=y`, func(c *RunConfig) { c.Env = append(c.Env, "B=x=y") }},
		{`ENV B=x=y`, func(c *RunConfig) { c.Env = append(c.Env, "B=x=y") }},
		{`ENV B= C=`, func(c *RunConfig) { c.Env = append(c.Env, "B=", "C=") }},
		{`ENV B${A}=x`, func(c *RunConfig) { c.Env = append(c.Env, "B1=x") }},
		{`ENV B=${A}x${NO}y$NO-z\$A$`, func(c *RunConfig) { c.Env = append(c.Env, "B=1xy-z$A$") }},
		{`ENV B=${NO:-d}${NO-e}${EMPTY:-f}${EMPTY-g}${A:+h}${EMPTY:+i}${EMPTY+j}${NO:-${A}k}${A:?no}`, func(c *RunConfig) {
			c.Env = append(c.Env, "B=defhj1k1")
		}},
		{`ENV B=é漢 C="a\
b"`, func(c *RunConfig) { c.Env = append(c.Env, "B=é漢", "C=ab") }},

		{`EXPOSE 80`, func(c *RunConfig) { c.ExposedPorts = ports("80/tcp") }},
		{`EXPOSE 53/UDP 80 90-92/sctp ${A}00`, func(c *RunConfig) {
			c.ExposedPorts = ports("53/udp", "80/tcp", "90/sctp", "91/sctp", "92/sctp", "100/tcp")
		}},
		{`ENV P="1 2"|EXPOSE $P`, func(c *RunConfig) {
			c.Env, c.ExposedPorts = append(c.Env, "P=1 2"), ports("1/tcp", "2/tcp")
		}},

		{`LABEL a=b c="d e"`, func(c *RunConfig) { c.Labels = map[string]string{"a": "b", "c": "d e"} }},
		{`LABEL a b $A`, func(c *RunConfig) { c.Labels = map[string]string{"a": "b 1"} }},
		{`LABEL a=1|LABEL a=`, func(c *RunConfig) { c.Labels = map[string]string{"a": ""} }},

		{`USER www:$A`, func(c *RunConfig) { c.User = "www:1" }},
		{`WORKDIR /a/../b`, func(c *RunConfig) { c.WorkingDir = "/b" }},
		{`WORKDIR a|WORKDIR b|WORKDIR ../$A`, func(c *RunConfig) { c.WorkingDir = "/srv/a/1" }},
		{`WORKDIR ../../..`, func(c *RunConfig) { c.WorkingDir = "/" }},
		{`VOLUME /a $A`, func(c *RunConfig) { c.Volumes = ports("/a", "1") }},
		{`VOLUME ["/a b", "/c"]`, func(c *RunConfig) { c.Volumes = ports(`/a b`, "/c") }},
		{`STOPSIGNAL SIGTERM`, func(c *RunConfig) { c.StopSignal = "SIGTERM" }},
		{`STOPSIGNAL rtmin+3`, func(c *RunConfig) { c.StopSignal = "rtmin+3" }},
		{`STOPSIGNAL ${A}5`, func(c *RunConfig) { c.StopSignal = "15" }},

		{`HEALTHCHECK NONE`, func(c *RunConfig) { c.Healthcheck = &Healthcheck{Test: []string{"NONE"}} }},
		{`HEALTHCHECK cmd ["a", "$A"]`, func(c *RunConfig) { c.Healthcheck = &Healthcheck{Test: []string{"CMD", "a", "$A"}} }},
		{`HEALTHCHECK --interval=5s --timeout=1m --start-period=0 --start-interval=2ms --retries=3 CMD curl $A || exit 1`, func(c *RunConfig) {
			c.Healthcheck = &Healthcheck{
				Test: []string{"CMD-SHELL", "curl $A || exit 1"}, Interval: 5 * time.Second, Timeout: time.Minute,
				StartInterval: 2 * time.Millisecond, Retries: 3,
			}
		}},
		{`ONBUILD RUN x $A|onbuild Cmd ["a"]`, func(c *RunConfig) { c.OnBuild = []string{"RUN x $A", `Cmd ["a"]`} }},
		{"# comment\n\nUSER a\nWORKDIR \\\n# between\n\n  /b\n", func(c *RunConfig) { c.User, c.WorkingDir = "a", "/b" }},
	} {
		got, want := base.clone(), base.clone()
		err := ApplyChanges(&got, strings.Split(c.changes, "|"))
		if strings.Contains(c.changes, "||") {
			got = base.clone()
			err = ApplyChanges(&got, []string{c.changes})
		}
		c.want(&want)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v, %v\nwant\n%+v", c.changes, got, err, want)
		}
	}
}

func TestApplyChangesShell(t *testing.T) {
	c := RunConfig{Shell: []string{"/bin/bash", "-ec"}}
	if err := ApplyChanges(&c, []string{"CMD x"}); err != nil || !reflect.DeepEqual(c.Cmd, []string{"/bin/bash", "-ec", "x"}) {
		t.Errorf("%q, %v", c.Cmd, err)
	}
}

// TestBadChanges: the error names the change, and nothing is changed.
func TestBadChanges(t *testing.T) {
	for change, want := range map[string]string{
		"":                                      "no instruction",
		"# only a comment":                      "no instruction",
		"RUN x":                                 "RUN is not one of CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR",
		"FROM x":                                "not one of",
		"ENV":                                   "needs an argument",
		"ENV a":                                 "a has no value",
		"ENV a=b c":                             `"c" has no "="`,
		"ENV =b":                                "a name is empty",
		"ENV $NO=b":                             "a name is empty",
		`ENV a="b`:                              "not closed",
		"ENV a='b":                              "not closed",
		"ENV a=${":                              "bad substitution",
		"ENV a=${}":                             "bad substitution",
		"ENV a=${b":                             "bad substitution",
		"ENV a=${b:-c":                          `"}" is missing`,
		"ENV a=${b%c}":                          `modifier "%"`,
		"ENV a=${b:?gone}":                      "variable b: gone",
		"ENV a=" + strings.Repeat("${b:-", 200): "nested",
		"LABEL":                                 "needs an argument",
		"CMD [1]":                               "strings only",
		`CMD ["a\u0000"]`:                       "NUL",
		"USER a\x00b":                           "NUL",
		"USER":                                  "needs an argument",
		"USER $NO":                              "empty",
		"WORKDIR":                               "needs an argument",
		"WORKDIR ''":                            "empty",
		"VOLUME":                                "needs an argument",
		"VOLUME []":                             "needs an argument",
		`VOLUME ["/a", ""]`:                     "empty",
		"EXPOSE":                                "needs an argument",
		"EXPOSE 0":                              "from 1 to 65535",
		"EXPOSE 65536":                          "from 1 to 65535",
		"EXPOSE 9-8":                            "from 1 to 65535",
		"EXPOSE x":                              "from 1 to 65535",
		"EXPOSE 8080:80":                        "from 1 to 65535",
		"EXPOSE 80/icmp":                        "protocol",
		"EXPOSE 80/":                            "protocol",
		"STOPSIGNAL":                            "needs an argument",
		"STOPSIGNAL SIGNOTHING":                 "no signal",
		"STOPSIGNAL 65":                         "no signal",
		"STOPSIGNAL 0":                          "no signal",
		"STOPSIGNAL RTMIN+31":                   "no signal",
		"HEALTHCHECK":                           "needs an argument",
		"HEALTHCHECK NONE x":                    "no arguments",
		"HEALTHCHECK CMD":                       "no command",
		"HEALTHCHECK CMD []":                    "no command",
		"HEALTHCHECK x":                         "neither CMD nor NONE",
		"HEALTHCHECK --x=y CMD a":               "none of --interval",
		"HEALTHCHECK --interval CMD a":          "no value",
		"HEALTHCHECK --interval=1us CMD":        "less than 1ms",
		"HEALTHCHECK --timeout=x CMD a":         "--timeout",
		"HEALTHCHECK --retries=-1 CMD a":        "negative",
		"ONBUILD":                               "needs an argument",
		"ONBUILD ONBUILD RUN x":                 "not allowed",
		"ONBUILD FROM x":                        "not allowed",
		"ONBUILD NOTHING x":                     "unknown instruction NOTHING",
		"ONBUILD RUN":                           "needs an argument",
	} {
		c := RunConfig{Env: []string{"A=1"}, Labels: map[string]string{"l": "1"}, Cmd: []string{"old"}}
		before := c.clone()
		err := ApplyChanges(&c, []string{"ENV A=2", "LABEL l=2 m=3", "CMD new", change})
		e, ok := errors.AsType[*ChangeError](err)
		if !ok || e.Change != change || !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", change, err, want)
		}
		if !reflect.DeepEqual(c, before) {
			t.Errorf("%q changed something: %+v", change, c)
		}
	}
}

// FuzzApplyChanges: whatever is accepted makes a configuration that has a JSON
// form and that holds what the types promise.
func FuzzApplyChanges(f *testing.F) {
	for _, s := range []string{
		`CMD ["a"]`, "CMD a", `ENV a=b c="d e" f='g' h=\"i`, "ENV k v ${a:-b}", "EXPOSE 1-3/udp", "LABEL a=b", "USER $A", "WORKDIR ../x",
		`VOLUME ["/a"]`, "HEALTHCHECK --interval=1s CMD x", "ONBUILD RUN x", "STOPSIGNAL 9", "ENV a=\\\nb", "#\nUSER x", "ENV a=${b:+${c?d}}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := RunConfig{Env: []string{"A=1"}}
		before := c.clone()
		if err := ApplyChanges(&c, []string{s}); err != nil {
			if !errors.Is(err, ErrInvalid) || !reflect.DeepEqual(c, before) {
				t.Fatalf("%q: %v, %+v", s, err, c)
			}
			return
		}
		seen := make(map[string]bool)
		for _, e := range c.Env {
			k := envKey(e)
			if k == "" || !strings.Contains(e, "=") || seen[k] || strings.Contains(e, "\x00") {
				t.Errorf("%q makes the environment %q", s, c.Env)
			}
			seen[k] = true
		}
		for p := range c.ExposedPorts {
			if got, err := parsePorts(p); err != nil || len(got) != 1 {
				t.Errorf("%q exposes %q: %v", s, p, err)
			}
		}
		if c.WorkingDir != "" && !strings.HasPrefix(c.WorkingDir, "/") {
			t.Errorf("%q makes the working directory %q", s, c.WorkingDir)
		}
	})
}
