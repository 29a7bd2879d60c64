package image

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Platform is what an image runs on.
type Platform struct {
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	OSVersion    string   `json:"os.version,omitempty"`
	OSFeatures   []string `json:"os.features,omitempty"`
	Variant      string   `json:"variant,omitempty"`
}

// HostPlatform is the platform of this program.
func HostPlatform() Platform {
	return Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH}.Normalize()
}

// ParsePlatform reads "linux/arm64/v8", "linux/amd64", or an architecture or
// an operating system alone, to which this host's is added.
func ParsePlatform(s string) (Platform, error) {
	parts := strings.Split(s, "/")
	for _, p := range parts {
		if p == "" || strings.Trim(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
			return Platform{}, invalid("platform %q: want os/architecture[/variant]", s)
		}
	}
	p := HostPlatform()
	switch len(parts) {
	case 1:
		if isOS(strings.ToLower(s)) {
			p.OS = s
			return p.Normalize(), nil
		}
		p.Architecture, p.Variant = s, ""
		return p.Normalize(), nil
	case 2:
		return Platform{OS: parts[0], Architecture: parts[1]}.Normalize(), nil
	case 3:
		return Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}.Normalize(), nil
	}
	return Platform{}, invalid("platform %q: want os/architecture[/variant]", s)
}

func isOS(s string) bool {
	switch s {
	case "linux", "windows", "darwin", "macos", "freebsd", "netbsd", "openbsd", "solaris", "wasi", "wasip1":
		return true
	}
	return false
}

// String is "linux/arm64/v8", without what is empty.
func (p Platform) String() string {
	if p.OS == "" && p.Architecture == "" {
		return "unknown"
	}
	s := p.OS
	if p.OSVersion != "" {
		s = fmt.Sprintf("%s(%s)", s, p.OSVersion)
	}
	s += "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// Normalize gives the usual names: aarch64 is arm64, whose v8 goes without
// saying, as v1 of amd64 does; armhf is arm/v7, as is arm.
func (p Platform) Normalize() Platform {
	p.OS, p.Architecture, p.Variant = strings.ToLower(p.OS), strings.ToLower(p.Architecture), strings.ToLower(p.Variant)
	if p.OS == "macos" {
		p.OS = "darwin"
	}
	switch p.Architecture {
	case "i386", "i486", "i586", "i686":
		p.Architecture, p.Variant = "386", ""
	case "x86_64", "x86-64":
		p.Architecture = "amd64"
	case "aarch64":
		p.Architecture = "arm64"
	case "armhf":
		p.Architecture, p.Variant = "arm", "v7"
	case "armel":
		p.Architecture, p.Variant = "arm", "v6"
	}
	if p.Variant != "" && p.Variant[0] >= '0' && p.Variant[0] <= '9' {
		p.Variant = "v" + p.Variant
	}
	switch p.Architecture + p.Variant {
	case "arm64v8", "amd64v1":
		p.Variant = ""
	case "arm":
		p.Variant = "v7"
	}
	return p
}

// Runs tells whether an image made for another platform runs on p: the same
// system and architecture, and no newer variant of it.
func (p Platform) Runs(made Platform) bool {
	p, made = p.Normalize(), made.Normalize()
	if p.OS != made.OS || p.Architecture != made.Architecture {
		return false
	}
	if p.OSVersion != "" && made.OSVersion != "" && p.OSVersion != made.OSVersion {
		return false
	}
	for _, f := range made.OSFeatures {
		if !slices.Contains(p.OSFeatures, f) {
			return false
		}
	}
	mine, known := p.level()
	theirs, knownToo := made.level()
	if !known || !knownToo {
		return p.Variant == made.Variant
	}
	return theirs <= mine
}

// level puts the variants of an architecture in order, "v8.2" as 802.
func (p Platform) level() (level int, known bool) {
	v := p.Variant
	if v == "" {
		switch p.Architecture {
		case "arm64":
			v = "v8"
		case "amd64":
			v = "v1"
		default:
			return 0, true
		}
	}
	var major, minor int
	if n, _ := fmt.Sscanf(v, "v%d.%d", &major, &minor); n < 1 || major < 0 || major > 99 || minor < 0 || minor > 99 {
		return 0, false
	}
	if v != fmt.Sprintf("v%d", major) && v != fmt.Sprintf("v%d.%d", major, minor) {
		return 0, false
	}
	return major*100 + minor, true
}

// Select finds in an index the manifest that runs best on a platform: the
// newest variant that it can run, the first one of equals. Entries that say
// nothing of a platform are taken when there is nothing better; the platform
// is then in their configuration. The error is a *PlatformError.
func (x *Index) Select(want Platform) (Descriptor, error) {
	best, bestLevel := -1, -1
	var have []Platform
	for i, d := range x.Manifests {
		if d.ArtifactType != "" || !IsManifest(d.MediaType) && !IsIndex(d.MediaType) {
			continue
		}
		if d.Platform == nil {
			if best < 0 {
				best = i // level -1: anything is better
			}
			continue
		}
		made := platformOf(d.Platform)
		if made.OS == "unknown" { // attestations of BuildKit
			continue
		}
		have = append(have, made)
		if !want.Runs(made) {
			continue
		}
		if level, _ := made.Normalize().level(); level > bestLevel {
			best, bestLevel = i, level
		}
	}
	if best < 0 {
		return Descriptor{}, &PlatformError{Want: want, Have: have}
	}
	return x.Manifests[best], nil
}

func platformOf(p *ocispec.Platform) Platform { return Platform(*p) }
