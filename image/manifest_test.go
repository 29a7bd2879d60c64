package image_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/sandkit/sandkit/image"
)

const (
	configJSON = `{"architecture":"amd64","os":"linux","config":{"Env":["A=1"],"Labels":{"k":"1","K":"2"},"Healthcheck":{"Test":["NONE"]}},` +
		`"rootfs":{"type":"layers","diff_ids":["` + someDigest + `"]},"history":[{"created_by":"x","empty_layer":true}]}`
	layerJSON = `{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"` + someDigest + `","size":5}`
)

func configDescriptor(mediaType string) string {
	d := image.Describe(mediaType, []byte(configJSON))
	return `{"mediaType":"` + mediaType + `","digest":"` + string(d.Digest) + `","size":` + "377" + `}`
}

func manifestJSON(config, layers, more string) string {
	return `{"schemaVersion":2,"config":` + config + `,"layers":[` + layers + `]` + more + `}`
}

// TestParseManifest: documents that other programs could read in another way
// are refused.
func TestParseManifest(t *testing.T) {
	config := `{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"` + someDigest + `","size":7}`
	good := manifestJSON(config, layerJSON, "")
	for name, c := range map[string]struct {
		raw  string
		want error
	}{
		"good":                       {good, nil},
		"media type":                 {manifestJSON(config, layerJSON, `,"mediaType":"application/vnd.oci.image.manifest.v1+json"`), nil},
		"annotations in two cases":   {manifestJSON(config, layerJSON, `,"annotations":{"a":"1","A":"2"}`), nil},
		"no layers":                  {manifestJSON(config, "", ""), nil},
		"unknown fields":             {manifestJSON(config, layerJSON, `,"new":{"x":[1,{"y":null}]}`), nil},
		"another media type":         {manifestJSON(config, layerJSON, `,"mediaType":"application/vnd.oci.image.index.v1+json"`), image.ErrMediaType},
		"Docker's media type":        {manifestJSON(config, layerJSON, `,"mediaType":"application/vnd.docker.distribution.manifest.v2+json"`), image.ErrMediaType},
		"an index, too":              {manifestJSON(config, layerJSON, `,"manifests":[]`), image.ErrInvalid},
		"schema 1":                   {`{"schemaVersion":1,"fsLayers":[]}`, image.ErrMediaType},
		"no version":                 {strings.Replace(good, `"schemaVersion":2,`, "", 1), image.ErrMediaType},
		"a key twice":                {manifestJSON(config, layerJSON, `,"layers":[]`), image.ErrInvalid},
		"a key in two cases":         {manifestJSON(config, layerJSON, `,"Layers":[]`), image.ErrInvalid},
		"a key twice, below":         {manifestJSON(strings.Replace(config, `{`, `{"size":7,`, 1), layerJSON, ""), image.ErrInvalid},
		"no config":                  {`{"schemaVersion":2,"layers":[]}`, image.ErrInvalid},
		"negative size":              {manifestJSON(config, strings.Replace(layerJSON, "5}", "-5}", 1), ""), image.ErrInvalid},
		"size beyond 64 bits":        {manifestJSON(config, strings.Replace(layerJSON, "5}", "5e30}", 1), ""), image.ErrInvalid},
		"unknown hash":               {manifestJSON(config, strings.Replace(layerJSON, "sha256:", "md5:", 1), ""), image.ErrInvalid},
		"a path as digest":           {manifestJSON(config, strings.Replace(layerJSON, someDigest, "sha256:../../x", 1), ""), image.ErrInvalid},
		"no media type":              {manifestJSON(config, strings.Replace(layerJSON, "application/", "", 1), ""), image.ErrInvalid},
		"embedded data":              {manifestJSON(strings.Replace(config, `{`, `{"data":"e30=",`, 1), layerJSON, ""), image.ErrInvalid},
		"a config that is large":     {manifestJSON(strings.Replace(config, "7}", "9000000}", 1), layerJSON, ""), image.ErrTooLarge},
		"layers without end":         {manifestJSON(config, strings.Repeat(layerJSON+",", image.MaxLayers)+layerJSON, ""), image.ErrTooLarge},
		"larger than 4 MiB":          {good + strings.Repeat(" ", image.MaxManifestSize), image.ErrTooLarge},
		"something follows":          {good + "{}", image.ErrInvalid},
		"cut short":                  {good[:50], image.ErrInvalid},
		"empty":                      {"", image.ErrInvalid},
		"a list":                     {"[]", image.ErrInvalid},
		"not UTF-8":                  {manifestJSON(config, layerJSON, `,"x":"`+"\xff"+`"`), image.ErrInvalid},
		"nested without end":         {manifestJSON(config, layerJSON, `,"x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)), image.ErrInvalid},
		"a subject without a digest": {manifestJSON(config, layerJSON, `,"subject":{"mediaType":"a/b","size":1}`), image.ErrInvalid},
	} {
		_, err := image.ParseManifest(image.Describe(image.MediaTypeOCIManifest, []byte(c.raw)), []byte(c.raw))
		if c.want == nil && err != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	d := image.Describe(image.MediaTypeOCIManifest, []byte(good))
	if _, err := image.ParseManifest(d, []byte(good+" ")); !errors.Is(err, image.ErrCorrupt) {
		t.Error(err)
	}
	if _, err := image.ParseManifest(d, []byte(strings.ToUpper(good))); !errors.Is(err, image.ErrCorrupt) {
		t.Error(err)
	}
	d.MediaType = image.MediaTypeDockerManifest
	if _, err := image.ParseManifest(d, []byte(good)); !errors.Is(err, image.ErrMediaType) {
		t.Error("Docker's must say what it is:", err)
	}
}

func TestParseIndex(t *testing.T) {
	entry := `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + someDigest + `","size":5,"platform":{"os":"linux","architecture":"amd64","os.version":"1"}}`
	for name, c := range map[string]struct {
		raw  string
		want error
	}{
		"good":           {`{"schemaVersion":2,"manifests":[` + entry + `]}`, nil},
		"empty":          {`{"schemaVersion":2,"manifests":[]}`, nil},
		"no manifests":   {`{"schemaVersion":2}`, image.ErrInvalid},
		"with a config":  {`{"schemaVersion":2,"manifests":[],"config":{}}`, image.ErrInvalid},
		"with layers":    {`{"schemaVersion":2,"manifests":[],"layers":[]}`, image.ErrInvalid},
		"too many":       {`{"schemaVersion":2,"manifests":[` + strings.Repeat(entry+",", image.MaxIndexEntries) + entry + `]}`, image.ErrTooLarge},
		"bad descriptor": {`{"schemaVersion":2,"manifests":[{}]}`, image.ErrInvalid},
	} {
		x, err := image.ParseIndex(image.Describe(image.MediaTypeOCIIndex, []byte(c.raw)), []byte(c.raw))
		if c.want == nil && err != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if mediaType, err := image.DetectMediaType([]byte(c.raw)); c.want == nil && (err != nil || mediaType != image.MediaTypeOCIIndex) {
			t.Errorf("%s: %s, %v", name, mediaType, err)
		}
		if name == "good" {
			if d, err := x.Select(image.Platform{OS: "linux", Architecture: "amd64"}); err != nil || d.Size != 5 {
				t.Errorf("%v, %v", d, err)
			}
		}
	}
}

// blobs is a source in memory.
type blobs map[image.Digest]string

// Open opens a blob.
func (b blobs) Open(_ context.Context, d image.Descriptor) (io.ReadCloser, error) {
	s, ok := b[d.Digest]
	if !ok {
		return nil, image.ErrNotFound
	}
	return io.NopCloser(strings.NewReader(s)), nil
}

// imageIn puts an image into a source.
func imageIn(b blobs, config, configType, layers string) image.Descriptor {
	c := image.Describe(configType, []byte(config))
	b[c.Digest] = config
	raw := `{"schemaVersion":2,"config":{"mediaType":"` + configType + `","digest":"` + string(c.Digest) + `","size":` + itoa(c.Size) + `},"layers":[` + layers + `]}`
	m := image.Describe(image.MediaTypeOCIManifest, []byte(raw))
	b[m.Digest] = raw
	return m
}

func itoa(n int64) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func TestLoad(t *testing.T) {
	b := blobs{someDigest: "layer"}
	d := imageIn(b, configJSON, image.MediaTypeOCIConfig, layerJSON)
	img, err := image.Load(t.Context(), b, d)
	if err != nil {
		t.Fatal(err)
	}
	c := img.Config()
	if c.Platform().String() != "linux/amd64" || c.Config.Env[0] != "A=1" || len(c.Config.Labels) != 2 || c.History[0].CreatedBy != "x" || c.Config.Healthcheck.Test[0] != "NONE" {
		t.Errorf("%+v", c)
	}
	c.Config.Env[0], c.Config.Labels["k"], img.Manifest().Layers[0].Size = "B=1", "x", 9
	img.Layers()[0] = nil
	if img.Config().Config.Env[0] != "A=1" || img.Config().Config.Labels["k"] != "1" || img.Manifest().Layers[0].Size != 5 || img.Layers()[0] == nil {
		t.Error("the image changed")
	}
	l := img.Layers()[0]
	r, err := l.Open(t.Context())
	if err != nil || l.DiffID() != someDigest || l.Descriptor().Size != 5 {
		t.Errorf("%v, %v", l, err)
	}
	if text, err := io.ReadAll(r); err != nil || string(text) != "layer" {
		t.Errorf("%q, %v", text, err)
	}
	if img.Descriptor().Digest != d.Digest || img.ID() != img.Manifest().Config.Digest || !bytes.Equal(img.RawConfig(), []byte(configJSON)) || len(img.RawManifest()) != int(d.Size) {
		t.Error("documents")
	}
}

func TestLoadErrors(t *testing.T) {
	for name, c := range map[string]struct {
		config, configType, layers string
		want                       error
	}{
		"two layers, one diffID": {configJSON, image.MediaTypeOCIConfig, layerJSON + "," + layerJSON, image.ErrInvalid},
		"no image":               {"{}", "application/vnd.example+json", "", image.ErrMediaType},
		"a layer that is none":   {configJSON, image.MediaTypeOCIConfig, strings.Replace(layerJSON, "image.layer", "x", 1), image.ErrMediaType},
		"rootfs of another type": {strings.Replace(configJSON, `"layers"`, `"x"`, 1), image.MediaTypeDockerConfig, layerJSON, image.ErrInvalid},
		"a diffID that is none":  {strings.Replace(configJSON, someDigest, "x", 1), image.MediaTypeOCIConfig, layerJSON, image.ErrInvalid},
		"a key twice":            {strings.Replace(configJSON, `{`, `{"os":"x",`, 1), image.MediaTypeOCIConfig, layerJSON, image.ErrInvalid},
	} {
		b := blobs{}
		d := imageIn(b, c.config, c.configType, c.layers)
		if _, err := image.Load(t.Context(), b, d); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	b := blobs{}
	d := imageIn(b, configJSON, image.MediaTypeOCIConfig, layerJSON)
	b[d.Digest] = strings.Replace(b[d.Digest], "gzip", "zstd", 1)
	if _, err := image.Load(t.Context(), b, d); !errors.Is(err, image.ErrCorrupt) {
		t.Error(err)
	}
	delete(b, d.Digest)
	if _, err := image.Load(t.Context(), b, d); !errors.Is(err, image.ErrNotFound) {
		t.Error(err)
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(manifestJSON(configDescriptor(image.MediaTypeOCIConfig), layerJSON, "")))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[]}`))
	f.Add([]byte(configJSON))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m, err := image.ParseManifest(image.Describe(image.MediaTypeOCIManifest, raw), raw); err == nil {
			for _, d := range append(m.Layers, m.Config) {
				if err := image.CheckDescriptor(d); err != nil {
					t.Error(err)
				}
			}
			if mediaType, err := image.DetectMediaType(raw); err != nil || mediaType != image.MediaTypeOCIManifest {
				t.Errorf("%s, %v", mediaType, err)
			}
		}
		if x, err := image.ParseIndex(image.Describe(image.MediaTypeOCIIndex, raw), raw); err == nil {
			if _, err := x.Select(image.HostPlatform()); err != nil && !errors.Is(err, image.ErrNoPlatform) {
				t.Error(err)
			}
		}
		if c, err := image.ParseConfig(image.Describe(image.MediaTypeOCIConfig, raw), raw); err == nil {
			c.Clone()
		}
	})
}
