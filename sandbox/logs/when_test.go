package logs_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sandkit/sandkit/sandbox/logs"
)

func TestParseWhen(t *testing.T) {
	zone := time.FixedZone("somewhere", 2*3600)
	now := time.Date(2024, 5, 6, 7, 8, 9, 10, zone)
	for in, want := range map[string]string{
		"2013-01-02T03:04:05Z":                "2013-01-02T03:04:05Z",
		"2013-01-02T03:04:05.123456789-07:00": "2013-01-02T10:04:05.123456789Z",
		"2013-01-02T03:04Z":                   "2013-01-02T03:04:00Z",
		"2013-01-02T03+01:00":                 "2013-01-02T02:00:00Z",
		"2013-01-02Z":                         "2013-01-02T00:00:00Z",
		"2013-01-02-03:00":                    "2013-01-02T03:00:00Z",
		"2013-01-02T03:04:05":                 "2013-01-02T01:04:05Z",
		"2013-01-02T03:04:05.5":               "2013-01-02T01:04:05.5Z",
		"2013-01-02T03:04":                    "2013-01-02T01:04:00Z",
		"2013-01-02T03":                       "2013-01-02T01:00:00Z",
		"2013-01-02":                          "2013-01-01T22:00:00Z",
		"1136073600":                          "2006-01-01T00:00:00Z",
		"1136073600.000000001":                "2006-01-01T00:00:00.000000001Z",
		"1136073600.1":                        "2006-01-01T00:00:00.1Z",
		"1136073600.1234567899":               "2006-01-01T00:00:00.123456789Z",
		"0":                                   "1970-01-01T00:00:00Z",
		"1h8m9.00000001s":                     "2024-05-06T04:00:00Z",
		"-1h":                                 "2024-05-06T06:08:09.00000001Z",
	} {
		got, err := logs.ParseWhen(in, now)
		if text := got.UTC().Format(time.RFC3339Nano); err != nil || text != want {
			t.Errorf("%s: %s, want %s; %v", in, text, want, err)
		}
	}
	for _, in := range []string{
		"", " ", "yesterday", "-5", "+5", ".", "5.", ".5", "1.2.3", "1.0000000000.", "2013-13-01", "2013-01-02T25", "2013-01-02T03:04:05z",
		"99999999999999999999", "253402300800", "10000-01-01", "1e5", "0x10",
	} {
		got, err := logs.ParseWhen(in, now)
		var te *logs.TimeError
		if !errors.As(err, &te) || te.Text != in || !got.IsZero() {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
}

func FuzzParseWhen(f *testing.F) {
	for _, s := range []string{"2013-01-02T03:04:05.1Z", "1136073600.1", "1h30m", "2013-01-02", "-2562047h47m16.854775808s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		now := time.Unix(1700000000, 0).UTC()
		got, err := logs.ParseWhen(s, now)
		if err != nil {
			if !got.IsZero() {
				t.Errorf("%v and %v", got, err)
			}
			return
		}
		text := got.UTC().Format(time.RFC3339Nano)
		if again, err := logs.ParseWhen(text, now); err != nil || !again.Equal(got) {
			t.Errorf("%q is %s, which is %v, %v", s, text, again, err)
		}
	})
}
