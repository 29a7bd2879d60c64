package state

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFilters(t *testing.T) {
	s := newStore(t)
	image := "sha256:" + strings.Repeat("c", 64)
	at := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	web := create(t, s, Record{
		ID: strings.Repeat("1a", 32), Name: "web", Image: "nginx", ImageID: image, Created: at(1), Labels: map[string]string{"tier": "front", "x": ""},
		Ports: []Port{{"", 8080, 80, "tcp"}, {"", 0, 53, "udp"}}, Networks: []Network{{"blue", "n1"}},
	})
	db := create(t, s, Record{
		Name: "db", Image: "registry:5000/pg:16", Created: at(2), Labels: map[string]string{"tier": "back"},
		Mounts: []Mount{{Type: "volume", Name: "data", Source: "/v/data", Target: "/var/lib"}, {Type: "bind", Source: "/src", Target: "/dst"}},
	})
	old := create(t, s, Record{Name: "web-old", Created: at(3)})
	create(t, s, Record{Name: "new", Created: at(4)})
	set(t, web, func(st *Status) { st.State, st.Health = Running, HealthHealthy })
	set(t, db, func(st *Status) { st.State = Running })
	set(t, db, func(st *Status) { st.State = Paused })
	set(t, old, func(st *Status) { st.State = Running })
	set(t, old, func(st *Status) { st.State, st.ExitCode = Exited, 3 })
	for _, c := range []struct{ filters, want string }{
		{"", "db new web web-old"},
		{"id=1a1a", "web"},
		{"name=web", "web web-old"},
		{"name=^/web$", "web"},
		{"name=^web$ name=new", "new web"},
		{"label=tier", "db web"},
		{"label=tier=back", "db"},
		{"label=x=", "web"},
		{"label=tier label=x", "web"},
		{"status=paused status=exited", "db web-old"},
		{"exited=3", "web-old"},
		{"exited=0", ""},
		{"ancestor=nginx", "web"},
		{"ancestor=nginx:latest", "web"},
		{"ancestor=cccc", "web"},
		{"ancestor=" + image, "web"},
		{"ancestor=registry:5000/pg", ""},
		{"ancestor=registry:5000/pg:16", "db"},
		{"before=db", "web"},
		{"since=db", "new web-old"},
		{"since=web before=new", "db web-old"},
		{"volume=data", "db"},
		{"volume=/var/lib", "db"},
		{"volume=/src", "db"},
		{"volume=/v/data", ""},
		{"network=blue", "web"},
		{"network=n1", "web"},
		{"network=red", ""},
		{"publish=8080", "web"},
		{"publish=80", ""},
		{"publish=8000-8100/tcp", "web"},
		{"publish=8080/udp", ""},
		{"expose=80", "web"},
		{"expose=53/udp", "web"},
		{"expose=1-100", "web"},
		{"publish=1 expose=80", "web"},
		{"health=healthy", "web"},
		{"health=none", "db new web-old"},
		{"health=none name=d", "db web-old"},
	} {
		o := ListOptions{All: true}
		for text := range strings.FieldsSeq(c.filters) {
			f, err := ParseFilter(text)
			if err != nil || f.String() != text {
				t.Fatalf("%s: %v, %v", text, f, err)
			}
			o.Filters = append(o.Filters, f)
		}
		if got := names(t, s, o); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %v, should be %s", c.filters, got, c.want)
		}
	}
	if got := names(t, s, ListOptions{}); !slices.Equal(got, []string{"db", "web"}) {
		t.Errorf("running: %v", got)
	}
	if got := names(t, s, ListOptions{Filters: []Filter{{"status", "exited"}}}); !slices.Equal(got, []string{"web-old"}) {
		t.Errorf("exited: %v", got)
	}
	if got := names(t, s, ListOptions{Limit: 2}); !slices.Equal(got, []string{"new", "web-old"}) {
		t.Errorf("limit: %v", got)
	}
	if got := names(t, s, ListOptions{Latest: true}); !slices.Equal(got, []string{"new"}) {
		t.Errorf("latest: %v", got)
	}
	if _, err := s.List(t.Context(), ListOptions{Filters: []Filter{{"before", "none"}}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("before: %v", err)
	}
}

func TestParseFilterRefuses(t *testing.T) {
	for _, text := range []string{
		"", "=", "name", "name=", "=x", "nme=x", "id=xyz", "name=(", "status=lost", "exited=x", "health=ill", "isolation=default",
		"publish=0", "publish=x", "publish=9-1", "publish=80/icmp", "expose=70000", "expose=80-", "publish=-80",
	} {
		if f, err := ParseFilter(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, %v", text, f, err)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{"name=a", "label=a=b", "publish=80-90/tcp", "exited=1", "health=none", "before=x", "ancestor=sha256:1", "id=a"} {
		f.Add(s)
	}
	list := tableOf(time.Now())
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseFilter(text)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		again, err := ParseFilter(filter.String())
		if err != nil || again != filter {
			t.Errorf("%q: %v, %v", text, again, err)
		}
		if filter.Key == "before" || filter.Key == "since" {
			return
		}
		fits, err := filter.compile()
		if err != nil {
			t.Fatal(err)
		}
		for i := range list {
			fits(&list[i])
		}
	})
}
