package image_test

import (
	"errors"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandkit/sandkit/image"
)

func TestParsePlatform(t *testing.T) {
	host := image.HostPlatform()
	for in, want := range map[string]string{
		"linux/amd64": "linux/amd64", "linux/x86_64": "linux/amd64", "Linux/AArch64": "linux/arm64", "linux/arm64/v8": "linux/arm64",
		"linux/arm": "linux/arm/v7", "linux/armhf": "linux/arm/v7", "linux/armel": "linux/arm/v6", "linux/arm/6": "linux/arm/v6",
		"linux/amd64/v3": "linux/amd64/v3", "arm64": host.OS + "/arm64", "windows": "windows/" + host.Architecture, "linux/i686": "linux/386",
	} {
		p, err := image.ParsePlatform(in)
		if err != nil || p.String() != want {
			t.Errorf("%s: %s, %v, want %s", in, p, err, want)
		}
	}
	for _, bad := range []string{"", "/", "linux/", "linux/amd64/v1/x", "linux /amd64", "linux/amd64\n"} {
		if p, err := image.ParsePlatform(bad); !errors.Is(err, image.ErrInvalid) {
			t.Errorf("%q: %s, %v", bad, p, err)
		}
	}
}

// TestSelect: the newest variant that runs, attestations never.
func TestSelect(t *testing.T) {
	for name, c := range map[string]struct {
		have string // platforms, "-" for none, "att" for an attestation
		want string // platform
		is   int    // index of the choice, or -1
	}{
		"the only one":           {"linux/amd64", "linux/amd64", 0},
		"by architecture":        {"linux/amd64 linux/arm64 linux/s390x", "linux/arm64", 1},
		"by system":              {"windows/amd64 linux/amd64", "linux/amd64", 1},
		"newest variant":         {"linux/arm/v5 linux/arm/v6 linux/arm/v7", "linux/arm/v7", 2},
		"no newer variant":       {"linux/arm/v7 linux/arm/v6", "linux/arm/v6", 1},
		"arm64 says v8":          {"linux/arm/v7 linux/arm64/v8", "linux/arm64", 1},
		"levels of amd64":        {"linux/amd64/v4 linux/amd64/v2 linux/amd64", "linux/amd64/v3", 1},
		"amd64 is v1":            {"linux/amd64/v3 linux/amd64", "linux/amd64", 1},
		"v8.2 is newer than v8":  {"linux/arm64 linux/arm64/v8.2 linux/arm64/v9", "linux/arm64/v8.5", 1},
		"the first of equals":    {"linux/amd64 linux/amd64", "linux/amd64", 0},
		"none":                   {"linux/amd64 windows/amd64", "linux/arm64", -1},
		"no platform is a guess": {"- linux/arm64", "linux/amd64", 0},
		"and the last one":       {"- linux/amd64", "linux/amd64", 1},
		"attestations":           {"att linux/amd64", "linux/amd64", 1},
		"nothing else":           {"att", "linux/amd64", -1},
		"empty":                  {"", "linux/amd64", -1},
		"odd variants":           {"linux/amd64/foo linux/amd64/v1x", "linux/amd64", -1},
	} {
		x := new(image.Index)
		for h := range strings.FieldsSeq(c.have) {
			d := image.Descriptor{MediaType: image.MediaTypeOCIManifest}
			switch h {
			case "-":
			case "att":
				d.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
			default:
				parts := append(strings.Split(h, "/"), "")
				d.Platform = &ocispec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
			}
			x.Manifests = append(x.Manifests, d)
			x.Manifests[len(x.Manifests)-1].Size = int64(len(x.Manifests) - 1)
		}
		want, err := image.ParsePlatform(c.want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.Select(want)
		if c.is < 0 {
			if _, ok := errors.AsType[*image.PlatformError](err); !ok || !errors.Is(err, image.ErrNoPlatform) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || got.Size != int64(c.is) {
			t.Errorf("%s: %d, %v, want %d", name, got.Size, err, c.is)
		}
	}
	windows := image.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.1"}
	if windows.Runs(image.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.2"}) || windows.Runs(image.Platform{OS: "windows", Architecture: "amd64", OSFeatures: []string{"win32k"}}) {
		t.Error("version and features count")
	}
}
