package sandbox

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// TestParseRestartPolicy: what docker run --restart takes, and what it refuses.
func TestParseRestartPolicy(t *testing.T) {
	for text, want := range map[string]RestartPolicy{
		"": {}, "no": RestartNo(), "always": RestartAlways(), "always:": RestartAlways(), "always:0": RestartAlways(),
		"unless-stopped": RestartUnlessStopped(), "on-failure": RestartOnFailure(0), "on-failure:": RestartOnFailure(0),
		"on-failure:3": RestartOnFailure(3), "on-failure:0": RestartOnFailure(0),
	} {
		if got, err := ParseRestartPolicy(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		":": "no mode", ":3": "no mode", "on-failure:x": `"x" is no number`, "on-failure:-1": "negative", "on-failure:1.5": "number",
		"always:3": "only on-failure", "no:1": "only on-failure", "unless-stopped:-1": "only on-failure", "Always": `"Always"`, "on-failure:1:2": "number",
		"on-failure:99999999999999999999": "number", " always": `" always"`,
	} {
		if got, err := ParseRestartPolicy(text); !errors.Is(err, ErrInvalidSpec) || !strings.Contains(err.Error(), want) || got != (RestartPolicy{}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// FuzzParseRestartPolicy: what is accepted is valid, and reads back from its text.
func FuzzParseRestartPolicy(f *testing.F) {
	for _, s := range []string{"", "no", "always", "on-failure:3", "unless-stopped", ":", "a:b:c", "on-failure:-0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseRestartPolicy(text)
		if err != nil {
			if !errors.Is(err, ErrInvalidSpec) {
				t.Error(err)
			}
			return
		}
		if err := p.check(); err != nil {
			t.Error(err)
		}
		if again, err := ParseRestartPolicy(p.String()); err != nil || again != p && text != "" {
			t.Errorf("%q: %v, then %v, %v", text, p, again, err)
		}
	})
}

// TestRestartPolicyCheck: each field that makes no sense is named.
func TestRestartPolicyCheck(t *testing.T) {
	for _, c := range []struct {
		p    RestartPolicy
		want string
	}{
		{RestartPolicy{}, ""},
		{RestartPolicy{Mode: "always", Backoff: Backoff{Min: 1, Max: 2, Factor: 1, ResetAfter: 1}}, ""},
		{RestartPolicy{Mode: "always", Backoff: Backoff{Min: time.Hour}}, ""},
		{RestartPolicy{MaxRetries: 1}, "need a Mode"},
		{RestartPolicy{Backoff: Backoff{Min: 1}}, "need a Mode"},
		{RestartPolicy{Mode: "on-failure", MaxRetries: -1}, "MaxRetries -1"},
		{RestartPolicy{Mode: "always", Backoff: Backoff{Min: -1}}, "Backoff.Min"},
		{RestartPolicy{Mode: "always", Backoff: Backoff{Max: -1}}, "Backoff.Max"},
		{RestartPolicy{Mode: "always", Backoff: Backoff{Max: 1}}, "Backoff.Max: 1ns is below Min 100ms"},
		{RestartPolicy{Mode: "always", Backoff: Backoff{ResetAfter: -1}}, "Backoff.ResetAfter"},
		{RestartPolicy{Mode: "always", Backoff: Backoff{Factor: 0.5}}, "Backoff.Factor"},
		{RestartPolicy{Mode: "always", Backoff: Backoff{Factor: math.NaN()}}, "Backoff.Factor"},
		{RestartPolicy{Mode: "always", Backoff: Backoff{Factor: math.Inf(1)}}, "Backoff.Factor"},
		{RestartPolicy{Mode: "x"}, `"x"`},
	} {
		err := c.p.check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.p, err)
		}
		s := Spec{Process: ProcessSpec{Command: []string{"x"}}, Restart: c.p}
		if verr := s.Validate(); (verr == nil) != (err == nil) || verr != nil && !strings.Contains(verr.Error(), "WithRestart: ") {
			t.Errorf("%+v: %v", c.p, verr)
		}
	}
	s := Spec{Idle: true, Restart: RestartAlways()}
	if err := s.Validate(); !errors.Is(err, ErrInvalidSpec) || !strings.Contains(err.Error(), "WithIdle, WithRestart") {
		t.Error(err)
	}
}

const ms = time.Millisecond

// TestRestartDecisions: Docker's rules, without a clock.
func TestRestartDecisions(t *testing.T) {
	ok, bad, long := runEnd{}, runEnd{failed: true}, runEnd{failed: true, lasted: 10 * time.Second}
	stopped := runEnd{failed: true, manual: true}
	const none = -1
	for _, c := range []struct {
		name  string
		p     RestartPolicy
		ends  []runEnd
		waits []time.Duration // none: there is no other run
		count int
	}{
		{"zero", RestartPolicy{}, []runEnd{ok, bad}, []time.Duration{none, none}, 0},
		{"no", RestartNo(), []runEnd{ok, bad}, []time.Duration{none, none}, 0},
		{"always", RestartAlways(), []runEnd{ok, bad, stopped}, []time.Duration{100 * ms, 200 * ms, none}, 2},
		{"unless-stopped", RestartUnlessStopped(), []runEnd{bad, ok, stopped}, []time.Duration{100 * ms, 200 * ms, none}, 2},
		{"on-failure", RestartOnFailure(0), []runEnd{bad, bad, bad, ok}, []time.Duration{100 * ms, 200 * ms, 400 * ms, none}, 3},
		{"retries", RestartOnFailure(3), []runEnd{bad, bad, bad, bad}, []time.Duration{100 * ms, 200 * ms, 400 * ms, none}, 3},
		{"stopped", RestartOnFailure(0), []runEnd{stopped}, []time.Duration{none}, 0},
		{
			"long", RestartAlways(),
			[]runEnd{bad, bad, long, bad, {lasted: 10*time.Second - 1}},
			[]time.Duration{100 * ms, 200 * ms, 100 * ms, 200 * ms, 400 * ms},
			5,
		},
		{
			"own",
			RestartPolicy{Mode: "always", Backoff: Backoff{Min: 10, Max: 100, Factor: 3, ResetAfter: 5}},
			[]runEnd{ok, ok, ok, ok, {lasted: 5}, {lasted: 4}},
			[]time.Duration{10, 30, 90, 100, 10, 30},
			6,
		},
		{"even", RestartPolicy{Mode: "always", Backoff: Backoff{Factor: 1}}, []runEnd{ok, ok}, []time.Duration{100 * ms, 100 * ms}, 2},
		{"huge", RestartPolicy{Mode: "always", Backoff: Backoff{Min: math.MaxInt64, Factor: math.MaxFloat64}}, []runEnd{ok, ok}, []time.Duration{math.MaxInt64, math.MaxInt64}, 2},
	} {
		r := restarts{policy: c.p}
		for i, e := range c.ends {
			after, again := r.decide(e)
			if !again {
				after = none
			}
			if after != c.waits[i] {
				t.Errorf("%s: end %d: %v, want %v", c.name, i, after, c.waits[i])
			}
		}
		if r.count != c.count {
			t.Errorf("%s: %d restarts, want %d", c.name, r.count, c.count)
		}
	}
}

// TestRestartCap: waits double up to a minute, and restarting by hand begins anew.
func TestRestartCap(t *testing.T) {
	r := restarts{policy: RestartAlways()}
	want := 100 * ms
	for i := range 40 {
		after, again := r.decide(runEnd{failed: true})
		if after != want || !again || r.count != i+1 {
			t.Fatalf("%d: %v, %v", i, after, again)
		}
		want = min(2*want, time.Minute)
	}
	r.reset()
	if after, _ := r.decide(runEnd{}); after != 100*ms || r.count != 1 {
		t.Error(after, r.count)
	}
}
