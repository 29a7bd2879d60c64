package sandbox

import (
	"fmt"
	"slices"
	"time"
)

// HealthStatus says whether the program works.
type HealthStatus string

// The values, with Docker's names.
const (
	HealthNone      HealthStatus = ""          // is not tested
	HealthStarting  HealthStatus = "starting"  // has not worked yet
	HealthHealthy   HealthStatus = "healthy"   // works
	HealthUnhealthy HealthStatus = "unhealthy" // has failed Retries tests
)

// Health is what tests of the present run, or the last one, have found.
type Health struct {
	Status        HealthStatus
	FailingStreak int            // failures since the last success that count
	Log           []HealthResult // the last five
}

// HealthResult is how a test ended.
type HealthResult struct {
	Start, End time.Time
	// ExitCode is that of the Test, 128 and the number of the signal that ended it,
	// or -1 when it took too long or could not be started; of a HealthFunc, 0 or 1.
	ExitCode int
	// Output is the beginning of what the Test wrote, at most 4096 bytes, or what
	// went wrong.
	Output string
}

// String is one line.
func (r HealthResult) String() string { return fmt.Sprintf("exit code %d: %s", r.ExitCode, r.Output) }

const (
	maxHealthLog    = 5
	maxHealthOutput = 4096
)

// healthState follows Docker's rules. It knows no clock.
type healthState struct {
	check Healthcheck // complete
	began time.Time   // of the program
	Health
}

func newHealthState(h Healthcheck, began time.Time) *healthState {
	return &healthState{check: h.complete(), began: began, Health: Health{Status: HealthStarting}}
}

// interval is the time until the next test.
func (h *healthState) interval(now time.Time) time.Duration {
	if h.Status == HealthStarting && now.Sub(h.began) < h.check.StartPeriod {
		return h.check.StartInterval
	}
	return h.check.Interval
}

// note counts a result and tells whether the status has changed.
func (h *healthState) note(r HealthResult) bool {
	before := h.Status
	h.Log = append(h.Log, r)
	h.Log = h.Log[max(0, len(h.Log)-maxHealthLog):]
	switch {
	case r.ExitCode == 0:
		h.FailingStreak, h.Status = 0, HealthHealthy
	case h.Status == HealthStarting && r.Start.Sub(h.began) < h.check.StartPeriod:
	default:
		if h.FailingStreak++; h.FailingStreak >= h.check.Retries {
			h.Status = HealthUnhealthy
		}
	}
	return h.Status != before
}

// health is a copy; of nil, that nothing is tested.
func (h *healthState) health() Health {
	if h == nil {
		return Health{}
	}
	c := h.Health
	c.Log = slices.Clone(c.Log)
	return c
}
