package state

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func FuzzDecode(f *testing.F) {
	id := strings.Repeat("a", idLength)
	for _, sum := range tableOf(testMoment) {
		d := &document{Record: sum.Record, Status: sum.Status}
		d.Record.ID = id
		d = (&document{}).next("boot", d.Record, d.Status, testMoment)
		b, err := d.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, s := range []string{"", "{}", "null", "[]", `{"record":{"id":"` + id + `"}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decode(id, b)
		if err != nil {
			return
		}
		out, err := d.encode()
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		again, err := decode(id, out)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if out2, err := again.encode(); err != nil || !bytes.Equal(out, out2) {
			t.Fatalf("%s\n%s\n%v", out, out2, err)
		}
		sum := Summary{Record: d.Record, Status: d.Status}
		var text strings.Builder
		if err := FormatTable(&text, []Summary{sum}, TableOptions{Size: true}); err != nil || strings.Count(text.String(), "\n") != 2 {
			t.Errorf("%q, %v", text.String(), err)
		}
		if b, err := (View{Summary: sum}).Inspect(); err != nil || !json.Valid(b) {
			t.Errorf("%s, %v", b, err)
		}
	})
}

var testMoment = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// TestDocument: what is written is what is read.
func TestDocument(t *testing.T) {
	r := Record{
		ID: NewID(), Name: "web", Hostname: "h", Image: "i", ImageID: "sha256:x", Command: []string{"a", "b"}, Labels: map[string]string{"k": "v"},
		Created: testMoment, AutoRemove: false, Restart: Restart{RestartOnFailure, 3}, Ports: []Port{{"::", 1, 2, "udp"}},
		Mounts: []Mount{{"bind", "n", "s", "t", true, "p", true, true, true}}, Networks: []Network{{"n", "i"}},
	}
	st := Status{
		State: Running, PID: 7, PIDStart: "p", ExitCode: 1, Signal: 9, OOMKilled: true, Error: "e", Started: testMoment, Finished: testMoment,
		RestartCount: 2, NextRestartAt: testMoment, ManuallyStopped: true, Health: HealthHealthy, Ports: []Port{{"", 0, 2, "tcp"}},
	}
	d := (&document{}).next("boot", r, st, testMoment)
	b, err := d.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(r.ID, b)
	if err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("%+v\n%+v\n%v", got, d, err)
	}
}

// TestInspect: who decodes docker inspect's shape finds everything.
func TestInspect(t *testing.T) {
	sum := tableOf(testMoment)[0]
	sum.Status.Health, sum.Status.PID = HealthStarting, 7
	sum.Record.Labels = map[string]string{"k": "v"}
	sum.Record.Mounts = []Mount{{Type: "bind", Source: "/s", Target: "/t", ReadOnly: true}}
	sum.Record.Networks = []Network{{"blue", "n1"}}
	b, err := View{Summary: sum}.Inspect()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Id":"` + "ID" + `","Created":"2026-01-02T03:01:05.000000006Z","Path":"docker-entrypoint.sh","Args":["mysqld"],` +
		`"State":{"Status":"running","Running":true,"Paused":false,"Restarting":false,"OOMKilled":false,"Dead":false,"Pid":7,"ExitCode":0,"Error":"",` +
		`"StartedAt":"2026-01-02T03:02:05.000000006Z","FinishedAt":"0001-01-01T00:00:00Z","Health":{"Status":"starting"}},"Image":"mysql:8","Name":"/web",` +
		`"RestartCount":0,"Mounts":[{"Type":"bind","Source":"/s","Destination":"/t","RW":false}],` +
		`"Config":{"Hostname":"","Image":"mysql:8","Cmd":["docker-entrypoint.sh","mysqld"],"Labels":{"k":"v"}},` +
		`"HostConfig":{"RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":false},` +
		`"NetworkSettings":{"Ports":{"3306/tcp":[{"HostIp":"0.0.0.0","HostPort":"3306"}],"33060/tcp":null},"Networks":{"blue":{"NetworkID":"n1"}}}}`
	if got := strings.Replace(string(b), sum.Record.ID, "ID", 1); got != want {
		t.Errorf("%s\nshould be\n%s", got, want)
	}
}
