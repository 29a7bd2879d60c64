package netlink

import (
	"errors"
	"strings"
	"testing"
)

// TestParsePublish: docker's grammar.
func TestParsePublish(t *testing.T) {
	for spec, want := range map[string]string{
		"80":                             "80/tcp",
		"80/udp":                         "80/udp",
		"80/TCP":                         "80/tcp",
		"8080:80":                        "8080:80/tcp",
		"0:80":                           "80/tcp",
		":80":                            "80/tcp",
		"127.0.0.1:8080:80":              "127.0.0.1:8080:80/tcp",
		"127.0.0.1::53/udp":              "127.0.0.1::53/udp",
		"[::1]:8080:80":                  "[::1]:8080:80/tcp",
		"[::1]::80":                      "[::1]::80/tcp",
		"::1:8080:80":                    "[::1]:8080:80/tcp",
		"8000-8002:80":                   "8000-8002:80/tcp",
		"8000-8002:90-92":                "8000:90/tcp 8001:91/tcp 8002:92/tcp",
		"90-91":                          "90/tcp 91/tcp",
		"10.0.0.1:8000-8001:90-91/udp":   "10.0.0.1:8000:90/udp 10.0.0.1:8001:91/udp",
		"8080-8080:80":                   "8080:80/tcp",
		"65535":                          "65535/tcp",
		"[0:0:0:0:0:0:0:1]:1:2":          "[::1]:1:2/tcp",
		"":                               "!there is none",
		"8080:":                          "!there is none",
		"x":                              "!no number",
		"80/icmp":                        "!neither tcp nor udp",
		"80/":                            "!neither tcp nor udp",
		"65536":                          "!no number",
		"0":                              "!no number",
		"8080:0":                         "!no number",
		"-1":                             "!no number",
		"80-70":                          "!ends before it begins",
		"8000-8001:80-82":                "!different lengths",
		"8000:80-82":                     "!different lengths",
		"host:8080:80":                   "!no IP address",
		"300.0.0.1:8080:80":              "!no IP address",
		"[fe80::1%eth0]:8080:80":         "!no IP address",
		"1:2:3:4":                        "!no IP address",
		"8080-:80":                       "!no number",
		"127.0.0.1:8080:80:90":           "!no IP address",
		"8080:80/tcp/udp":                "!neither tcp nor udp",
		"127.0.0.1:8000-8001-8002:80-82": "!no number",
	} {
		ports, err := ParsePublish(spec)
		checkPorts(t, spec, ports, err, want)
	}
	for spec, want := range map[string]string{
		"80": "80/tcp", "9000-9002/udp": "9000/udp 9001/udp 9002/udp", "8080:80": "!no number", "": "!there is none", "80/x": "!neither",
	} {
		ports, err := ParseExpose(spec)
		checkPorts(t, spec, ports, err, want)
	}
}

func checkPorts(t *testing.T, spec string, ports []Port, err error, want string) {
	t.Helper()
	if why, bad := strings.CutPrefix(want, "!"); bad {
		var pe *PortError
		if !errors.As(err, &pe) || pe.Spec != spec || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, %v, want %s", spec, ports, err, why)
		}
		return
	}
	var texts []string
	for _, p := range ports {
		texts = append(texts, p.String())
		if err := p.Validate(); err != nil {
			t.Errorf("%q: %v", spec, err)
		}
	}
	if got := strings.Join(texts, " "); err != nil || got != want {
		t.Errorf("%q: %q, %v, want %q", spec, got, err, want)
	}
}

// FuzzParsePublish: what is read can be written and read again.
func FuzzParsePublish(f *testing.F) {
	for _, s := range []string{"80", "127.0.0.1:8000-8001:90-91/udp", "[::1]::80", "8000-8002:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ports, err := ParsePublish(s)
		if err != nil {
			return
		}
		for _, p := range ports {
			again, err := ParsePublish(p.String())
			if err != nil || len(again) != 1 || again[0] != p || p.Validate() != nil {
				t.Fatalf("%q: %v becomes %v, %v", s, p, again, err)
			}
		}
	})
}
