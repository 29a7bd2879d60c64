package state

import (
	"errors"
	"strings"
	"testing"
)

const goodEnd = "sandkit end 1\ntoken 0123456789abcdef\nknown 1\nstatus 768\nasked 0\noom 0\nseconds 1700000000\nnanoseconds 5\nuser 1\nlost 0\ncomplete\n\n\n"

func TestParseEnding(t *testing.T) {
	e, err := parseEnding([]byte(goodEnd))
	if err != nil || e.token != "0123456789abcdef" || e.status != 768 || e.time.UnixNano() != 1700000000000000005 {
		t.Errorf("%+v, %v", e, err)
	}
	for name, change := range map[string][2]string{
		"incomplete":  {"complete\n", ""},
		"head":        {"end 1", "end 2"},
		"token":       {"0123456789abcdef", "0123"},
		"negative":    {"768", "-1"},
		"no number":   {"768", "x"},
		"missing":     {"lost 0\n", ""},
		"twice":       {"oom 0\n", "asked 0\n"},
		"year":        {"1700000000", "1700000000000"},
		"status":      {"768", "65536"},
		"nanoseconds": {"seconds 5", "seconds 1000000000"},
		"all":         {goodEnd, ""},
	} {
		if e, err := parseEnding([]byte(strings.Replace(goodEnd, change[0], change[1], 1))); !errors.Is(err, errEnding) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

func TestStatusOfEnding(t *testing.T) {
	for _, c := range []struct {
		e    ending
		want Status
	}{
		{ending{status: 0x300}, Status{ExitCode: 3}},
		{ending{status: 9, oom: 1}, Status{ExitCode: 137, Signal: 9, OOMKilled: true}},
		{ending{status: 0x100, oom: 1}, Status{ExitCode: 1}},
		{ending{status: 9, asked: askedKill}, Status{ExitCode: 137, Signal: 9, ManuallyStopped: true}},
		{ending{status: 0x80 | 11}, Status{ExitCode: 139, Signal: 11}},
		{ending{status: 9, asked: askedTimeout}, Status{ExitCode: 137, Signal: 9, Error: TimedOut}},
		{ending{asked: askedStop, lost: 2}, Status{ManuallyStopped: true, Error: "2 lines of the log were lost, as the disk was full"}},
	} {
		s := Status{State: Running, PID: 5, PIDStart: "x"}
		s.end(&c.e)
		if c.want.State = Exited; s.check() != nil || s.ExitCode != c.want.ExitCode || s.Signal != c.want.Signal ||
			s.OOMKilled != c.want.OOMKilled || s.ManuallyStopped != c.want.ManuallyStopped || s.Error != c.want.Error || s.PID != 0 || s.State != Exited {
			t.Errorf("%+v: %+v", c.e, s)
		}
	}
}

func FuzzParseEnding(f *testing.F) {
	f.Add([]byte(goodEnd))
	f.Add([]byte("sandkit end 1\ntoken 0123456789abcdef\ncomplete\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEnding(b)
		if err != nil {
			return
		}
		s := Status{State: Running}
		if s.end(e); s.check() != nil || len(e.token) != tokenLength {
			t.Errorf("%q gives %+v", b, s)
		}
	})
}
