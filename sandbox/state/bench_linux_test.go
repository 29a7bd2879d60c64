package state

import (
	"strconv"
	"testing"
)

// BenchmarkList lists a thousand sandboxes: ended ones, and ones that run.
func BenchmarkList(b *testing.B) {
	for name, running := range map[string]bool{"Exited": false, "Running": true} {
		b.Run(name, func(b *testing.B) {
			const many = 1000
			s := newStore(b)
			for n := range many {
				e, err := s.Create(b.Context(), Record{
					Name: "sandbox" + strconv.Itoa(n), Image: "registry.example.com/team/app:1.2.3", Command: []string{"/bin/app", "--serve", "-v"},
					Labels: map[string]string{"com.example.team": "a", "com.example.tier": "b"}, Ports: []Port{{"0.0.0.0", 8080, 80, "tcp"}},
				})
				if err != nil {
					b.Fatal(err)
				}
				set(b, e, func(st *Status) { st.State = Running })
				if running {
					defer e.Close()
					continue
				}
				set(b, e, func(st *Status) { st.State = Exited })
				closedIn(b, e)
			}
			for b.Loop() {
				list, err := s.List(b.Context(), ListOptions{All: true})
				if err != nil || len(list) != many {
					b.Fatal(len(list), err)
				}
			}
		})
	}
}

func closedIn(b *testing.B, e *Entry) {
	b.Helper()
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkUpdate replaces a status, without bringing it to the disk.
func BenchmarkUpdate(b *testing.B) {
	s := newStore(b)
	e := create(b, s, Record{Name: "web"})
	for b.Loop() {
		set(b, e, func(st *Status) { st.RestartCount++ })
	}
}

// BenchmarkLife creates and removes a record, with and without bringing it to
// the disk.
func BenchmarkLife(b *testing.B) {
	for name, noSync := range map[string]bool{"Sync": false, "NoSync": true} {
		b.Run(name, func(b *testing.B) {
			s := newStore(b)
			s.files.noSync = noSync
			for b.Loop() {
				e, err := s.Create(b.Context(), Record{})
				if err == nil {
					err = e.Remove(b.Context())
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
