package sandbox

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestHealthRules: Docker's rules, without a clock.
func TestHealthRules(t *testing.T) {
	type step struct {
		at   time.Duration // after the start
		code int
		want HealthStatus
		next time.Duration // until the next test
	}
	const s = time.Second
	for name, c := range map[string]struct {
		check Healthcheck
		steps []step
	}{
		"defaults": {Healthcheck{}, []step{
			{30 * s, 1, HealthStarting, 30 * s},
			{60 * s, 1, HealthStarting, 30 * s},
			{90 * s, 1, HealthUnhealthy, 30 * s},
			{120 * s, 0, HealthHealthy, 30 * s},
			{150 * s, -1, HealthHealthy, 30 * s},
			{180 * s, 137, HealthHealthy, 30 * s},
			{210 * s, 0, HealthHealthy, 30 * s},
			{240 * s, 1, HealthHealthy, 30 * s},
			{270 * s, 1, HealthHealthy, 30 * s},
			{300 * s, 1, HealthUnhealthy, 30 * s},
			{330 * s, 1, HealthUnhealthy, 30 * s},
		}},
		"start period": {Healthcheck{StartPeriod: 12 * s, Retries: 1, Interval: 7 * s}, []step{
			{5 * s, 1, HealthStarting, 5 * s},
			{10 * s, 1, HealthStarting, 5 * s},
			{15 * s, 1, HealthUnhealthy, 7 * s},
		}},
		"success in start period": {Healthcheck{StartPeriod: 100 * s, StartInterval: s, Retries: 2, Interval: 7 * s}, []step{
			{1 * s, 1, HealthStarting, s},
			{2 * s, 0, HealthHealthy, 7 * s},
			{9 * s, 1, HealthHealthy, 7 * s},
			{16 * s, 1, HealthUnhealthy, 7 * s},
		}},
	} {
		began := time.Unix(1e9, 0)
		h := newHealthState(c.check, began)
		if want := c.steps[0].at; h.interval(began) != want {
			t.Errorf("%s: first test after %v, want %v", name, h.interval(began), want)
		}
		for i, step := range c.steps {
			before := h.Status
			changed := h.note(HealthResult{Start: began.Add(step.at), ExitCode: step.code, Output: fmt.Sprint(i)})
			if h.Status != step.want || changed != (before != h.Status) || h.interval(began.Add(step.at)) != step.next {
				t.Errorf("%s: after %v: %q, changed %v, next %v", name, step.at, h.Status, changed, h.interval(began.Add(step.at)))
			}
			if last := h.Log[len(h.Log)-1]; len(h.Log) != min(i+1, 5) || last.Output != fmt.Sprint(i) {
				t.Errorf("%s: log %v", name, h.Log)
			}
		}
	}
	if h := (*healthState)(nil).health(); h.Status != HealthNone {
		t.Error(h)
	}
}

// TestHealthcheckCheck: what makes no sense is named, and what a test executes.
func TestHealthcheckCheck(t *testing.T) {
	for _, c := range []struct {
		h       Healthcheck
		command string
		want    string
	}{
		{Healthcheck{}, "", ""},
		{Healthcheck{Test: []string{"NONE"}}, "", ""},
		{Healthcheck{Test: []string{"CMD", "a", "b"}}, "a b", ""},
		{Healthcheck{Test: []string{"CMD-SHELL", "a | b"}}, "/bin/sh -c a | b", ""},
		{Healthcheck{Interval: 1, Timeout: 1, StartPeriod: 1, StartInterval: 1, Retries: 1}, "", ""},
		{Healthcheck{Test: []string{"NONE", "x"}}, "", "NONE"},
		{Healthcheck{Test: []string{"CMD"}}, "", "CMD"},
		{Healthcheck{Test: []string{"CMD", ""}}, "", "command"},
		{Healthcheck{Test: []string{"CMD", "a\x00"}}, "", "NUL"},
		{Healthcheck{Test: []string{"CMD-SHELL"}}, "", "one text"},
		{Healthcheck{Test: []string{"CMD-SHELL", "a", "b"}}, "", "one text"},
		{Healthcheck{Test: []string{""}}, "", `""`},
		{Healthcheck{Interval: -1}, "", "Interval"},
		{Healthcheck{Timeout: -1}, "", "Timeout"},
		{Healthcheck{StartPeriod: -1}, "", "StartPeriod"},
		{Healthcheck{StartInterval: -1}, "", "StartInterval"},
		{Healthcheck{Retries: -1}, "", "Retries"},
	} {
		s := Spec{Process: ProcessSpec{Command: []string{"x"}}, Healthcheck: c.h}
		err := s.Validate()
		if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, ErrInvalidSpec) || !strings.Contains(err.Error(), "WithHealthcheck: ") || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v", c.h, err)
		}
		if got := strings.Join(c.h.command(), " "); err == nil && got != c.command {
			t.Errorf("%+v: %q", c.h, got)
		}
	}
	f := WithHealthFunc(HealthListening(1))
	for _, o := range []Option{
		Options(f, WithHealthcheck(Healthcheck{Test: []string{"CMD", "x"}})), WithReady(-1), WithReady(0, Ready{}),
		WithReady(0, ReadyHealthy()), WithReady(0, ReadyFunc(nil)), WithReady(0, ReadyLogMatch(nil)),
	} {
		if _, err := New(WithCommand("x"), o); !errors.Is(err, ErrInvalidSpec) {
			t.Error(err)
		}
	}
	if _, err := New(WithIdle(), WithReady(0, ReadyLog("x"))); !errors.Is(err, ErrInvalidSpec) {
		t.Error(err)
	}
	if _, err := New(WithCommand("x"), f, WithReady(0, ReadyHealthy(), ReadyListening(1))); err != nil {
		t.Error(err)
	}
}

// sockets are lines of a kernel's tables.
const (
	tcpHead  = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	tcpLine  = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0\n"
	tcpOther = "   1: 0100007F:0050 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0000000000000000 20 4 30 10 -1\n"
	tcp6Line = "   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
)

// TestListensOn: only what listens counts, in both tables.
func TestListensOn(t *testing.T) {
	for _, c := range []struct {
		table string
		port  uint16
		want  bool
	}{
		{"", 80, false},
		{tcpHead, 80, false},
		{tcpHead + tcpLine, 8080, true},
		{tcpHead + tcpLine, 0x901f, false},
		{tcpHead + tcpOther, 80, false},
		{tcpHead + tcpOther + tcpLine, 8080, true},
		{tcpHead + tcp6Line, 443, true},
		{tcpHead + tcp6Line + "\n", 444, false},
	} {
		if got, err := listensOn([]byte(c.table), c.port); got != c.want || err != nil {
			t.Errorf("%q: %d: %v, %v", c.table, c.port, got, err)
		}
	}
	for _, bad := range []string{"x", "0: 1 2 0A", "0: 1:2 3 0A", "0: 1:GGGG 3 0A", "0: :1F90 3 0A", "0: 1:1F901 3 0A"} {
		if got, err := listensOn([]byte(tcpHead+bad+"\n"), 8080); got || err == nil {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}

// FuzzListensOn: whatever a table holds, only a port that it names is found.
func FuzzListensOn(f *testing.F) {
	f.Add(tcpHead+tcpLine+tcpOther, uint16(8080))
	f.Add(tcpHead+tcp6Line, uint16(443))
	f.Add(tcpHead+"x", uint16(0))
	f.Fuzz(func(t *testing.T, table string, port uint16) {
		text := hex.EncodeToString([]byte{byte(port >> 8), byte(port)})
		if ok, _ := listensOn([]byte(table), port); ok && !strings.Contains(strings.ToLower(table), ":"+text) {
			t.Errorf("%d in %q", port, table)
		}
	})
}

// TestNotices: events wait for a listener in their order, many of a kind are one,
// and their number is bounded.
func TestNotices(t *testing.T) {
	var n notices
	n.tell(EventDie)
	l := n.listen()
	for range 3 {
		n.tell(EventDie)
	}
	n.tell(EventStart)
	<-l.wake
	if got := fmt.Sprint(l.take()); got != fmt.Sprint([]Event{{EventDie, 3}, {EventStart, 1}}) {
		t.Error(got)
	}
	var want, got uint64
	for range 1000 {
		n.tell(EventDie)
		n.tell(EventStart)
		want += 2
	}
	all := l.take()
	for _, e := range all {
		got += e.Count
	}
	if len(all) > maxWaiting+1 || got != want {
		t.Errorf("%d events, of %d %d", len(all), want, got)
	}
	n.leave(l)
	n.tell(EventDie)
	if got := l.take(); len(got) > 0 {
		t.Error(got)
	}
}
