package state

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDurationText(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Hour:                      "Less than a second",
		0:                               "Less than a second",
		999 * time.Millisecond:          "Less than a second",
		time.Second:                     "1 second",
		1999 * time.Millisecond:         "1 second",
		2 * time.Second:                 "2 seconds",
		59*time.Second + 999*1e6:        "59 seconds",
		time.Minute:                     "About a minute",
		119 * time.Second:               "About a minute",
		2 * time.Minute:                 "2 minutes",
		59*time.Minute + 59*time.Second: "59 minutes",
		time.Hour:                       "About an hour",
		89 * time.Minute:                "About an hour",
		90 * time.Minute:                "2 hours",
		47*time.Hour + 29*time.Minute:   "47 hours",
		47*time.Hour + 30*time.Minute:   "2 days",
		2 * day:                         "2 days",
		14*day - time.Hour:              "13 days",
		14 * day:                        "2 weeks",
		60*day - time.Hour:              "8 weeks",
		60 * day:                        "2 months",
		2*365*day - time.Hour:           "24 months",
		2 * 365 * day:                   "2 years",
		11 * 365 * day:                  "11 years",
	} {
		if got := durationText(d); got != want {
			t.Errorf("%v: %q, should be %q", d, got, want)
		}
	}
}

func TestStatusText(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	began, ended := now.Add(-2*time.Minute), now.Add(-3*time.Second)
	for want, st := range map[string]Status{
		"Created":                           {State: Created, ExitCode: 127, Error: "not found"},
		"Up 2 minutes":                      {State: Running, Started: began, Finished: began.Add(-time.Hour)},
		"Up 2 minutes (Paused)":             {State: Paused, Started: began, Health: HealthHealthy},
		"Up 2 minutes (healthy)":            {State: Running, Started: began, Health: HealthHealthy},
		"Up 2 minutes (unhealthy)":          {State: Running, Started: began, Health: HealthUnhealthy},
		"Up 2 minutes (health: starting)":   {State: Running, Started: began, Health: HealthStarting},
		"Restarting (1) 3 seconds ago":      {State: Restarting, Started: began, Finished: ended, ExitCode: 1},
		"Removal In Progress":               {State: Removing, Started: began, Finished: ended},
		"Dead":                              {State: Dead},
		"Exited (137) 3 seconds ago":        {State: Exited, Started: began, Finished: ended, ExitCode: 137},
		"Exited (0) Less than a second ago": {State: Exited, Started: began, Finished: now},
		"Exited (2)":                        {State: Exited, ExitCode: 2},
	} {
		if got := (Summary{Status: st}).StatusText(now); got != want {
			t.Errorf("%q, should be %q", got, want)
		}
	}
}

func TestPortsText(t *testing.T) {
	tcp := func(ip string, host, port uint16) Port { return Port{ip, host, port, "tcp"} }
	for want, ports := range map[string][]Port{
		"":                                 nil,
		"80/tcp":                           {tcp("", 0, 80)},
		"9000-9002/tcp":                    {tcp("", 0, 9002), tcp("", 0, 9000), tcp("", 0, 9001)},
		"0.0.0.0:8000-8001->8000-8001/tcp": {tcp("", 8001, 8001), tcp("0.0.0.0", 8000, 8000)},
		"0.0.0.0:32769->80/tcp":            {tcp("0.0.0.0", 32769, 80)},
		// What ends before others begin comes first.
		"80-81/tcp, 83/tcp, 81/udp": {tcp("", 0, 80), tcp("", 0, 81), {"", 0, 81, "udp"}, tcp("", 0, 83)},
		"0.0.0.0:3306->3306/tcp, [::]:3306->3306/tcp, 127.0.0.1:5000->5000/udp": {
			{"127.0.0.1", 5000, 5000, "udp"}, tcp("::", 3306, 3306), tcp("0.0.0.0", 3306, 3306),
		},
		"443/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp": {tcp("0.0.0.0", 8080, 80), tcp("::", 8080, 80), tcp("", 0, 443)},
	} {
		if got := portsText(ports); got != want {
			t.Errorf("%q, should be %q", got, want)
		}
	}
}

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 999: "999B", 1000: "1kB", 1234: "1.23kB", 4_260_000: "4.26MB", 72_800_000: "72.8MB", 1e18: "1EB"} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: %q, should be %q", n, got, want)
		}
	}
}

// tableOf is a list as docker ps -a could show it.
func tableOf(now time.Time) []Summary {
	id := func(c string) string { return strings.Repeat(c, idLength) }
	return []Summary{{
		Record: Record{
			ID: id("a"), Name: "web", Image: "mysql:8", Command: []string{"docker-entrypoint.sh", "mysqld"}, Created: now.Add(-3 * time.Minute),
			Ports: []Port{{"", 0, 33060, "tcp"}, {"0.0.0.0", 3306, 3306, "tcp"}},
		},
		Status: Status{State: Running, Started: now.Add(-2 * time.Minute)}, SizeRW: 5, SizeRoot: 4_260_005,
	}, {
		Record: Record{ID: id("b"), Name: "calm_bohr", Image: "busybox", Command: []string{"sh", "-c", "echo \"x y\""}, Created: now.Add(-50 * time.Hour), Ports: []Port{{"", 0, 80, "tcp"}}},
		Status: Status{State: Exited, ExitCode: 1, Started: now.Add(-49 * time.Hour), Finished: now.Add(-48 * time.Hour)},
	}}
}

func TestFormatTable(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	list := tableOf(now)
	for _, c := range []struct {
		options TableOptions
		list    []Summary
		want    []string
	}{
		{TableOptions{}, nil, []string{"CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES"}},
		{TableOptions{}, list, []string{
			`CONTAINER ID   IMAGE     COMMAND                  CREATED         STATUS                  PORTS                               NAMES`,
			`aaaaaaaaaaaa   mysql:8   "docker-entrypoint.s…"   3 minutes ago   Up 2 minutes            0.0.0.0:3306->3306/tcp, 33060/tcp   web`,
			`bbbbbbbbbbbb   busybox   "sh -c 'echo \"x y\"'"   2 days ago      Exited (1) 2 days ago                                       calm_bohr`,
		}},
		{TableOptions{Quiet: true}, list, []string{"aaaaaaaaaaaa", "bbbbbbbbbbbb"}},
		{TableOptions{Quiet: true, NoTrunc: true}, list[:1], []string{list[0].Record.ID}},
		{TableOptions{NoTrunc: true, Size: true}, list[:1], []string{
			`CONTAINER ID                                                       IMAGE     COMMAND                         CREATED         STATUS         PORTS                               NAMES     SIZE`,
			list[0].Record.ID + `   mysql:8   "docker-entrypoint.sh mysqld"   3 minutes ago   Up 2 minutes   0.0.0.0:3306->3306/tcp, 33060/tcp   web       5B (virtual 4.26MB)`,
		}},
	} {
		var b strings.Builder
		c.options.Now = now
		if err := FormatTable(&b, c.list, c.options); err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v:\n%s\nshould be\n%s", c.options, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// brokenWriter takes so many bytes.
type brokenWriter int

func (w *brokenWriter) Write(b []byte) (int, error) {
	if *w -= brokenWriter(len(b)); *w < 0 {
		return 0, errBroken
	}
	return len(b), nil
}

var errBroken = &InvalidError{"writer", "", "it is broken"}

func TestFormatTableFails(t *testing.T) {
	for _, o := range []TableOptions{{}, {Quiet: true}} {
		w := brokenWriter(3)
		if err := FormatTable(&w, tableOf(time.Now()), o); err == nil || !strings.Contains(err.Error(), errBroken.Why) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestTableIsPlain(t *testing.T) {
	var b strings.Builder
	list := []Summary{{Record: Record{ID: NewID(), Image: "a\x1b[2Jb\tc\nd", Command: []string{"\x1b]0;x\a", "a\nb"}, Name: "ab"}, Status: Status{State: Created}}}
	if err := FormatTable(&b, list, TableOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Count(got, "\n") != 2 || strings.ContainsAny(got, "\x1b\a\t") {
		t.Errorf("%q", got)
	}
}
