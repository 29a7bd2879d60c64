package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandkit/sandkit/image"
)

func ociPlatform(p image.Platform) *ocispec.Platform {
	o := ocispec.Platform(p)
	return &o
}

const layoutJSON = `{"imageLayoutVersion":"1.0.0"}`

func toJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// good are the files of a layout with one image, which the cases below break.
func good() (files []string, index image.Index, manifest image.Manifest) {
	layer := "layer"
	diff := image.Describe(image.MediaTypeOCILayer, []byte(layer))
	config := toJSON(image.Config{OS: "linux", Architecture: "amd64", RootFS: image.RootFS{Type: "layers", DiffIDs: []image.Digest{diff.Digest}}})
	manifest = image.Manifest{
		SchemaVersion: 2, MediaType: image.MediaTypeOCIManifest,
		Config: image.Describe(image.MediaTypeOCIConfig, []byte(config)), Layers: []image.Descriptor{diff},
	}
	target := image.Describe(image.MediaTypeOCIManifest, []byte(toJSON(manifest)))
	index = image.Index{SchemaVersion: 2, Manifests: []image.Descriptor{target}}
	return []string{
		layoutFile, layoutJSON, indexFile, toJSON(index),
		blobPath(diff.Digest), layer, blobPath(manifest.Config.Digest), config, blobPath(target.Digest), toJSON(manifest),
	}, index, manifest
}

// withBlob adds a blob, of which an index lists the descriptor in place of the
// image.
func withBlob(files []string, mediaType, content string) []string {
	d := image.Describe(mediaType, []byte(content))
	files = append(slices.Clip(files), blobPath(d.Digest), content)
	files[3] = toJSON(image.Index{SchemaVersion: 2, Manifests: []image.Descriptor{d}})
	return files
}

func replace(files []string, i int, content string) []string {
	files = append([]string(nil), files...)
	files[i] = content
	return files
}

func TestHostile(t *testing.T) {
	files, index, manifest := good()
	outside := image.Describe(image.MediaTypeOCILayer, []byte("not there"))
	lost := manifest
	lost.Layers = []image.Descriptor{outside}
	two := manifest
	two.Layers = append(two.Layers, two.Layers...)
	long := index
	long.Manifests[0].Size++
	many := image.Index{SchemaVersion: 2, Manifests: make([]image.Descriptor, image.MaxIndexEntries+1)}
	for i := range many.Manifests {
		many.Manifests[i] = outside
	}
	deep := toJSON(image.Index{SchemaVersion: 2, MediaType: image.MediaTypeOCIIndex, Manifests: []image.Descriptor{}})
	nested := files
	for range image.MaxIndexDepth + 2 {
		nested = withBlob(nested, image.MediaTypeOCIIndex, deep)
		d := image.Describe(image.MediaTypeOCIIndex, []byte(deep))
		deep = toJSON(image.Index{SchemaVersion: 2, MediaType: image.MediaTypeOCIIndex, Manifests: []image.Descriptor{d}})
	}
	config := toJSON(image.Config{RootFS: image.RootFS{Type: "layers", DiffIDs: []image.Digest{outside.Digest}}})
	docker := func(m string, more ...string) []string {
		return append([]string{dockerFile, m, "c.json", config, "l/layer.tar", "wrong"}, more...)
	}
	cases := map[string]struct {
		files []string
		want  error
	}{
		"nothing":                 {nil, image.ErrInvalid},
		"something else":          {[]string{"a", "b"}, image.ErrInvalid},
		"parent":                  {append(files, "../x", "x"), image.ErrInvalid},
		"parent inside":           {append(files, "a/../../x", "x"), image.ErrInvalid},
		"absolute":                {append(files, "/etc/x", "x"), image.ErrInvalid},
		"backslash":               {append(files, `..\x`, "x"), image.ErrInvalid},
		"twice":                   {append(files, files[4], files[5]), image.ErrInvalid},
		"twice, written apart":    {append(files, "./"+indexFile, "x"), image.ErrInvalid},
		"link out":                {append(files, "l", "->../x"), image.ErrInvalid},
		"absolute link":           {append(files, "l", "->/x"), image.ErrInvalid},
		"blob is a link":          {replace(files, 5, "->../../index.json"), image.ErrInvalid},
		"wrong blob":              {replace(files, 5, "other"), image.ErrCorrupt},
		"not a blob":              {append(files, "blobs/sha256/zz", "x"), image.ErrInvalid},
		"blob elsewhere":          {append(files, "blobs/sha256/a/b", "x"), image.ErrInvalid},
		"unknown hash":            {append(files, "blobs/md5/"+strings.Repeat("a", 32), "x"), image.ErrInvalid},
		"no index":                {files[:2], image.ErrNotFound},
		"layout of the future":    {replace(files, 1, `{"imageLayoutVersion":"2.0.0"}`), image.ErrInvalid},
		"layout is no JSON":       {replace(files, 1, `{`), image.ErrInvalid},
		"index is no JSON":        {replace(files, 3, `[`), image.ErrInvalid},
		"index is a link":         {replace(files, 3, "->nowhere"), image.ErrNotFound},
		"index is empty":          {replace(files, 3, toJSON(image.Index{SchemaVersion: 2, Manifests: []image.Descriptor{}})), image.ErrInvalid},
		"index is huge":           {replace(files, 3, strings.Repeat(" ", image.MaxManifestSize+1)), image.ErrTooLarge},
		"index has too many":      {replace(files, 3, toJSON(many)), image.ErrTooLarge},
		"indexes too deep":        {nested, image.ErrTooLarge},
		"index of what is lost":   {withBlob(files, image.MediaTypeOCIIndex, toJSON(image.Index{SchemaVersion: 2, MediaType: image.MediaTypeOCIIndex, Manifests: []image.Descriptor{{MediaType: image.MediaTypeOCIManifest, Digest: outside.Digest, Size: 1}}})), image.ErrNotFound},
		"wrong size":              {replace(files, 3, toJSON(long)), image.ErrCorrupt},
		"manifest is not there":   {files[:8], image.ErrNotFound},
		"layer is not there":      {withBlob(files, image.MediaTypeOCIManifest, toJSON(lost)), image.ErrNotFound},
		"manifest is a config":    {replace(files, 3, toJSON(image.Index{SchemaVersion: 2, Manifests: []image.Descriptor{image.Describe(image.MediaTypeOCIManifest, []byte(files[7]))}})), image.ErrMediaType},
		"more layers than diffID": {withBlob(files, image.MediaTypeOCIManifest, toJSON(two)), image.ErrInvalid},

		"docker: no list":          {docker(`{}`), image.ErrInvalid},
		"docker: empty list":       {docker(`[]`), image.ErrInvalid},
		"docker: path leads out":   {docker(`[{"Config":"../c.json"}]`), image.ErrInvalid},
		"docker: no config":        {docker(`[{"Config":"x"}]`), image.ErrNotFound},
		"docker: empty names":      {docker(`[{}]`), image.ErrInvalid},
		"docker: layers missing":   {docker(`[{"Config":"c.json"}]`), image.ErrInvalid},
		"docker: no layer":         {docker(`[{"Config":"c.json","Layers":["x"]}]`), image.ErrNotFound},
		"docker: wrong layer":      {docker(`[{"Config":"c.json","Layers":["l/layer.tar"]}]`), image.ErrCorrupt},
		"docker: link to itself":   {docker(`[{"Config":"c.json","Layers":["s"]}]`, "s", "->s"), image.ErrNotFound},
		"docker: wrong config":     {docker(`[{"Config":"`+strings.Repeat("a", 64)+`.json"}]`, strings.Repeat("a", 64)+".json", config), image.ErrCorrupt},
		"docker: too many layers":  {docker(`[{"Config":"c.json","Layers":[` + strings.Repeat(`"x",`, image.MaxLayers) + `"x"]}]`), image.ErrTooLarge},
		"docker: wrong tag":        {[]string{dockerFile, `[{"Config":"c","RepoTags":["A B"]}]`, "c", `{}`}, image.ErrInvalid},
		"docker: manifest is huge": {docker(strings.Repeat(" ", image.MaxManifestSize+1)), image.ErrTooLarge},
	}
	s := filled(t)
	before := names(t, s)
	for name, c := range cases {
		_, err := Import(t.Context(), s, bytes.NewReader(tarOf(t, c.files...)), ImportOptions{})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	raw := tarOf(t, files...)
	for name, broken := range map[string][]byte{"cut": raw[:1200], "cut gzip": gzipped(t, raw)[:200], "garbage": []byte("garbage")} {
		if _, err := Import(t.Context(), s, bytes.NewReader(broken), ImportOptions{}); !errors.Is(err, image.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Import(t.Context(), s, bytes.NewReader(raw), ImportOptions{MaxBytes: 100}); !errors.Is(err, image.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stop := ImportOptions{Progress: func(image.Progress) { cancel() }}
	if _, err := Import(ctx, s, bytes.NewReader(raw), stop); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if after := names(t, s); strings.Join(before, " ") != strings.Join(after, " ") {
		t.Errorf("%q became %q", before, after)
	}
	sound(t, s)
	if _, err := Import(t.Context(), s, bytes.NewReader(raw), ImportOptions{}); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// TestHostileDirectory: what a tar cannot have.
func TestHostileDirectory(t *testing.T) {
	files, _, _ := good()
	layout := func(t *testing.T) string {
		dir := t.TempDir()
		for i := 0; i < len(files); i += 2 {
			path := filepath.Join(dir, files[i])
			must(t, os.MkdirAll(filepath.Dir(path), 0o700))
			must(t, os.WriteFile(path, []byte(files[i+1]), 0o600))
		}
		return dir
	}
	s := newStore(t)
	for name, change := range map[string]func(dir, blob string) error{
		"link to the same content": func(dir, blob string) error {
			return errors.Join(os.Rename(blob, dir+"/other"), os.Symlink("../../other", blob))
		},
		"link out":  func(_, blob string) error { return errors.Join(os.Remove(blob), os.Symlink("/etc/passwd", blob)) },
		"directory": func(_, blob string) error { return errors.Join(os.Remove(blob), os.Mkdir(blob, 0o700)) },
		"blobs is a way": func(dir, _ string) error {
			return errors.Join(os.RemoveAll(dir+"/blobs"), os.Symlink("/", dir+"/blobs"))
		},
	} {
		dir := layout(t)
		must(t, change(dir, filepath.Join(dir, files[4])))
		if _, err := ImportFile(t.Context(), s, dir, ImportOptions{}); err == nil {
			t.Errorf("%s: taken", name)
		} else if want := new(image.Error); !errors.As(err, &want) || want.Path == "" {
			t.Errorf("%s: %v names no path", name, err)
		}
		if left := names(t, s); len(left) > 0 {
			t.Errorf("%s: %q", name, left)
		}
		sound(t, s)
	}
	if _, err := ImportFile(t.Context(), s, layout(t), ImportOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := ImportFile(t.Context(), s, t.TempDir()+"/none", ImportOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func FuzzImport(f *testing.F) {
	files, _, _ := good()
	f.Add([]byte(files[3]), []byte(files[9]))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[]}`), []byte(`[{"Config":"c.json","Layers":["l"]}]`))
	f.Fuzz(func(t *testing.T, index, other []byte) {
		s := newStore(t)
		layout := append(replace(files, 3, string(index)), dockerFile, string(other))
		for _, archive := range [][]string{layout, {dockerFile, string(other), "c.json", files[7], "l", files[5]}} {
			for _, file := range archive {
				if strings.HasPrefix(file, "->") {
					return
				}
			}
			found, err := Import(t.Context(), s, bytes.NewReader(tarOf(t, archive...)), ImportOptions{})
			if err == nil && len(found) == 0 {
				t.Error("no image and no error")
			}
			if err != nil && len(names(t, s)) > 0 && archive[0] == layoutFile {
				t.Errorf("an image in spite of %v", err)
			}
		}
		sound(t, s)
	})
}
