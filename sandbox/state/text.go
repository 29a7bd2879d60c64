package state

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// String is the text that docker ps has under STATUS, such as "Up 2 minutes".
func (s Summary) String() string { return s.StatusText(time.Now()) }

// StatusText is String as of another moment.
func (s Summary) StatusText(now time.Time) string {
	st := &s.Status
	switch st.State {
	case Paused:
		return "Up " + since(st.Started, now) + " (Paused)"
	case Running:
		text := "Up " + since(st.Started, now)
		switch st.Health {
		case "":
			return text
		case HealthStarting:
			return text + " (health: starting)"
		}
		return text + " (" + st.Health + ")"
	case Restarting:
		return fmt.Sprintf("Restarting (%d) %s ago", st.ExitCode, since(st.Finished, now))
	case Removing:
		return "Removal In Progress"
	case Dead:
		return "Dead"
	case Exited:
		if st.Finished.IsZero() {
			return fmt.Sprintf("Exited (%d)", st.ExitCode)
		}
		return fmt.Sprintf("Exited (%d) %s ago", st.ExitCode, since(st.Finished, now))
	}
	return "Created"
}

func since(t, now time.Time) string { return durationText(now.Sub(t)) }

// durationText says roughly how long a duration is, in Docker's words.
func durationText(d time.Duration) string {
	const day = 24 // hours
	hours := int(math.Round(d.Hours()))
	switch seconds, minutes := int(d.Seconds()), int(d.Minutes()); {
	case seconds < 1:
		return "Less than a second"
	case seconds == 1:
		return "1 second"
	case seconds < 60:
		return strconv.Itoa(seconds) + " seconds"
	case minutes == 1:
		return "About a minute"
	case minutes < 60:
		return strconv.Itoa(minutes) + " minutes"
	case hours == 1:
		return "About an hour"
	case hours < 2*day:
		return strconv.Itoa(hours) + " hours"
	case hours < 14*day:
		return strconv.Itoa(hours/day) + " days"
	case hours < 60*day:
		return strconv.Itoa(hours/day/7) + " weeks"
	case hours < 2*365*day:
		return strconv.Itoa(hours/day/30) + " months"
	}
	return strconv.Itoa(int(d.Hours())/day/365) + " years"
}

// sizeText is a number of bytes with three digits, in Docker's units.
func sizeText(n int64) string {
	size, unit := float64(n), 0
	units := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	for ; size >= 1000 && unit < len(units)-1; unit++ {
		size /= 1000
	}
	return fmt.Sprintf("%.3g%s", size, units[unit])
}

// shorten cuts a text to a number of characters, the last of which then is an
// ellipsis.
func shorten(s string, longest int) string {
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return s
}
