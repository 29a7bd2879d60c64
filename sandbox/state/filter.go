package state

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Filter is one condition of a list, as docker ps --filter has it:
//
//	id=PREFIX           the id begins so
//	name=REGEXP         the name fits, with or without a slash before it
//	label=KEY[=VALUE]   it has the label; several must all be there
//	status=STATE        created, running, paused, restarting, removing, exited or dead;
//	                    lists what does not run, too
//	exited=CODE         it has ended with that exit code
//	ancestor=IMAGE      it is of that image: its name, id, or the beginning of its id
//	before=REF          it was created before that sandbox
//	since=REF           it was created after that sandbox
//	volume=NAME         a volume of that name, source or path inside is mounted
//	network=NAME        it is part of the network of that name or id
//	publish=PORT        it has that port of the host: 80, 80/udp, 80-90/tcp
//	expose=PORT         the same of its own ports
//	health=HEALTH       starting, healthy, unhealthy or none
//
// Of several filters of one key, one must fit; filters of different keys must
// all fit, but publish and expose count as one key.
type Filter struct{ Key, Value string }

// ParseFilter reads "key=value". The error is an *[InvalidError].
func ParseFilter(s string) (Filter, error) {
	key, value, ok := strings.Cut(s, "=")
	f := Filter{strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)}
	if !ok || f.Key == "" || f.Value == "" {
		return Filter{}, &InvalidError{"filter", s, "it is not of the form key=value"}
	}
	if f.Key == "before" || f.Key == "since" {
		return f, nil
	}
	if _, err := f.compile(); err != nil {
		return Filter{}, err
	}
	return f, nil
}

// String is what ParseFilter reads.
func (f Filter) String() string { return f.Key + "=" + f.Value }

func (f Filter) invalid(why string) error {
	return &InvalidError{"filter " + clip(f.Key, 40), f.Value, why}
}

// test tells whether a sandbox fits.
type test func(*Summary) bool

// compile makes the test of all keys but before and since, which need a store.
func (f Filter) compile() (test, error) {
	switch f.Key {
	case "id":
		if !isHex(f.Value) {
			return nil, f.invalid("it is not the beginning of an id")
		}
		return func(s *Summary) bool { return strings.HasPrefix(s.Record.ID, f.Value) }, nil
	case "name":
		re, err := regexp.Compile(f.Value)
		if err != nil {
			return nil, f.invalid(err.Error())
		}
		return func(s *Summary) bool { return re.MatchString(s.Record.Name) || re.MatchString("/"+s.Record.Name) }, nil
	case "label":
		key, value, exact := strings.Cut(f.Value, "=")
		return func(s *Summary) bool {
			got, ok := s.Record.Labels[key]
			return ok && (!exact || got == value)
		}, nil
	case "status", "health", "exited":
		return f.compileStatus()
	case "ancestor":
		return func(s *Summary) bool { return s.Record.isOf(f.Value) }, nil
	case "volume":
		return func(s *Summary) bool {
			return slices.ContainsFunc(s.Record.Mounts, func(m Mount) bool {
				return m.Target == f.Value || m.Name == f.Value || m.Name == "" && m.Source == f.Value
			})
		}, nil
	case "network":
		return func(s *Summary) bool {
			return slices.ContainsFunc(s.Record.Networks, func(n Network) bool { return n.Name == f.Value || n.ID == f.Value })
		}, nil
	case "publish", "expose":
		return f.compilePorts()
	}
	return nil, f.invalid("there is no such filter")
}

// compileStatus is for what the status tells.
func (f Filter) compileStatus() (test, error) {
	switch f.Key {
	case "status":
		if !slices.Contains(states(), State(f.Value)) {
			return nil, f.invalid("there is no such state")
		}
		return func(s *Summary) bool { return s.Status.State == State(f.Value) }, nil
	case "health":
		want := f.Value
		if want == "none" {
			want = ""
		} else if !slices.Contains([]string{HealthStarting, HealthHealthy, HealthUnhealthy}, want) {
			return nil, f.invalid("it is none of starting, healthy, unhealthy and none")
		}
		return func(s *Summary) bool { return s.Status.Health == want }, nil
	default:
		code, err := strconv.Atoi(f.Value)
		if err != nil {
			return nil, f.invalid("it is no exit code")
		}
		return func(s *Summary) bool {
			return !s.Status.State.live() && !s.Status.Started.IsZero() && s.Status.ExitCode == code
		}, nil
	}
}

// isOf tells whether a record is of an image.
func (r *Record) isOf(image string) bool {
	if image == "" {
		return false
	}
	id, prefix := strings.TrimPrefix(r.ImageID, "sha256:"), strings.TrimPrefix(image, "sha256:")
	return r.Image == image || tagged(r.Image) == tagged(image) || isHex(prefix) && strings.HasPrefix(id, prefix)
}

// tagged adds the tag that an image name without one means.
func tagged(name string) string {
	if last := name[strings.LastIndexByte(name, '/')+1:]; strings.ContainsAny(last, ":@") {
		return name
	}
	return name + ":latest"
}
