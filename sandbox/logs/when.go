package logs

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// The forms of dates; those without a zone are in the place of now. Fractions
// of seconds need no form of their own.
var whenLayouts = []string{
	time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15Z07:00", "2006-01-02Z07:00",
	"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02",
}

// ParseWhen reads a time in the forms that `docker logs --since` and --until
// take: RFC 3339, also without seconds, minutes, the time of day or the zone;
// seconds since 1970 with a fraction or without; or how long ago, such as "1h30m".
// What it does not understand gives a [*TimeError].
func ParseWhen(s string, now time.Time) (time.Time, error) {
	if s != "" && strings.Trim(s, "0123456789.") == "" {
		return parseUnix(s)
	}
	if d, err := time.ParseDuration(s); err == nil {
		return checkYear(s, now.Add(-d))
	}
	for _, layout := range whenLayouts {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return checkYear(s, t)
		}
	}
	return time.Time{}, &TimeError{s, errors.New("neither a date, nor seconds since 1970, nor a duration")}
}

// parseUnix reads seconds with at most nine digits of a fraction; more are cut off.
func parseUnix(s string) (time.Time, error) {
	whole, fraction, dotted := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	var nsec int64
	if err == nil && dotted {
		if _, err = strconv.ParseUint(fraction[:min(len(fraction), 9)], 10, 32); err == nil {
			nsec, err = strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		}
		if strings.Contains(fraction, ".") {
			err = errors.New("two points")
		}
	}
	if err != nil {
		return time.Time{}, &TimeError{s, err}
	}
	const latest = 253402300799 // the end of the year 9999
	if sec > latest {
		return time.Time{}, &TimeError{s, errLate}
	}
	return time.Unix(sec, nsec), nil
}

var errLate = errors.New("not in the years 0 to 9999")

func checkYear(s string, t time.Time) (time.Time, error) {
	if y := t.UTC().Year(); y < 0 || y > 9999 {
		return time.Time{}, &TimeError{s, errLate}
	}
	return t, nil
}
