package state

import (
	"slices"
	"strconv"
	"strings"
)

// matcher is what a list's filters come to.
type matcher struct {
	all bool // a filter asks for what does not run
	any map[string][]test
	// labels must all fit
	labels []test
}

// compile makes a matcher of filters.
func (s *Store) compile(filters []Filter) (*matcher, error) {
	m := &matcher{any: make(map[string][]test)}
	for _, f := range filters {
		var t test
		var err error
		key := f.Key
		switch key {
		case "before", "since":
			t, err = s.compileAge(f)
		case "expose":
			key = "publish"
			t, err = f.compile()
		case "status":
			m.all = true
			t, err = f.compile()
		default:
			t, err = f.compile()
		}
		if err != nil {
			return nil, err
		}
		if key == "label" {
			m.labels = append(m.labels, t)
			continue
		}
		m.any[key] = append(m.any[key], t)
	}
	return m, nil
}

// compileAge compares with another sandbox.
func (s *Store) compileAge(f Filter) (test, error) {
	id, err := s.find(f.Value)
	if err != nil {
		return nil, err
	}
	doc, err := s.read(id)
	if err != nil {
		return nil, err
	}
	other := Summary{Record: doc.Record}
	if f.Key == "before" {
		return func(s *Summary) bool { return newestFirst(*s, other) > 0 }, nil
	}
	return func(s *Summary) bool { return newestFirst(*s, other) < 0 }, nil
}

func (m *matcher) match(s *Summary) bool {
	for _, t := range m.labels {
		if !t(s) {
			return false
		}
	}
	for _, tests := range m.any {
		if !slices.ContainsFunc(tests, func(t test) bool { return t(s) }) {
			return false
		}
	}
	return true
}

// compilePorts is for published and exposed ports.
func (f Filter) compilePorts() (test, error) {
	ports, protocol, ok := strings.Cut(f.Value, "/")
	if !ok {
		protocol = "tcp"
	}
	from, to, isRange := strings.Cut(ports, "-")
	if !isRange {
		to = from
	}
	first, err1 := strconv.ParseUint(from, 10, 16)
	last, err2 := strconv.ParseUint(to, 10, 16)
	if err1 != nil || err2 != nil || first == 0 || first > last || (Port{Port: 1, Protocol: protocol}).check() != nil {
		return nil, f.invalid("it is no port such as 80, 80/udp or 80-90/tcp")
	}
	published := f.Key == "publish"
	return func(s *Summary) bool {
		return slices.ContainsFunc(s.ports(), func(p Port) bool {
			n := uint64(p.Port)
			if published {
				n = uint64(p.HostPort)
			}
			return p.Protocol == protocol && first <= n && n <= last
		})
	}, nil
}
