package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/sandkit/sandkit/image"
	"github.com/sandkit/sandkit/image/layer"
)

// dockerFile lists the images in an archive of docker save.
const dockerFile = "manifest.json"

// dockerImage is one entry of manifest.json.
type dockerImage struct {
	Config   string   `json:"Config"`
	RepoTags []string `json:"RepoTags"`
	Layers   []string `json:"Layers"`
}

// parseDocker reads manifest.json and checks its form.
func parseDocker(raw []byte) ([]dockerImage, error) {
	var all []dockerImage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, invalid(dockerFile, "%v", err)
	}
	if len(all) == 0 {
		return nil, invalid(dockerFile, "no images")
	}
	if len(all) > image.MaxIndexEntries {
		return nil, at(dockerFile, &image.LimitError{What: "number of images", Limit: image.MaxIndexEntries, Got: int64(len(all))})
	}
	for i := range all {
		x := &all[i]
		if len(x.Layers) > image.MaxLayers {
			return nil, at(dockerFile, &image.LimitError{What: "number of layers", Limit: image.MaxLayers, Got: int64(len(x.Layers))})
		}
		for j := -1; j < len(x.Layers); j++ {
			name := &x.Config
			if j >= 0 {
				name = &x.Layers[j]
			}
			clean, err := cleanName(*name)
			if err != nil {
				return nil, at(dockerFile, err)
			}
			*name = clean
		}
	}
	return all, nil
}

// resolveDocker finds the images in an archive that has no OCI layout. It makes
// manifests for them in Docker's format, always the same for the same image.
func (im *importer) resolveDocker(ctx context.Context, c contents) error {
	raw, err := im.read(ctx, c, dockerFile, image.MaxManifestSize)
	if err != nil {
		return err
	}
	all, err := parseDocker(raw)
	if err != nil {
		return err
	}
	for _, x := range all {
		target, err := im.dockerManifest(ctx, c, x)
		if err != nil {
			return err
		}
		if len(x.RepoTags) == 0 {
			im.found = append(im.found, Imported{Target: target})
		}
		for _, name := range x.RepoTags {
			ref, err := image.ParseRef(name)
			if err != nil {
				return at(dockerFile, err)
			}
			im.found = append(im.found, Imported{ref, target})
		}
	}
	return nil
}

func (im *importer) dockerManifest(ctx context.Context, c contents, x dockerImage) (image.Descriptor, error) {
	raw, err := im.read(ctx, c, x.Config, image.MaxConfigSize)
	if err != nil {
		return image.Descriptor{}, err
	}
	m := image.Manifest{SchemaVersion: 2, MediaType: image.MediaTypeDockerManifest, Layers: []image.Descriptor{}}
	m.Config = image.Describe(image.MediaTypeDockerConfig, raw)
	if named := image.Digest("sha256:" + strings.TrimSuffix(path.Base(x.Config), ".json")); named.Validate() == nil && named != m.Config.Digest {
		return image.Descriptor{}, at(x.Config, &image.DigestError{Want: named, Got: m.Config.Digest})
	}
	config, err := image.ParseConfig(m.Config, raw)
	if err != nil {
		return image.Descriptor{}, at(x.Config, err)
	}
	if len(config.RootFS.DiffIDs) != len(x.Layers) {
		return image.Descriptor{}, invalid(x.Config, "%d diffIDs, but %d layers", len(config.RootFS.DiffIDs), len(x.Layers))
	}
	for i, name := range x.Layers {
		d, err := im.dockerLayer(ctx, c, name, config.RootFS.DiffIDs[i])
		if err != nil {
			return image.Descriptor{}, err
		}
		m.Layers = append(m.Layers, d)
	}
	manifest, err := json.MarshalIndent(m, "", "   ")
	if err != nil {
		return image.Descriptor{}, fmt.Errorf("make manifest: %w", err)
	}
	return im.lease.Put(ctx, m.MediaType, manifest)
}

// dockerLayer finds out how a layer is packed and makes sure of its diffID,
// which is the only thing by which the archive knows it.
func (im *importer) dockerLayer(ctx context.Context, c contents, name string, diffID image.Digest) (image.Descriptor, error) {
	d, err := c.file(ctx, name)
	if err != nil {
		return d, err
	}
	got, packed, err := im.measure(ctx, d)
	if err == nil && got != diffID {
		err = &image.DigestError{What: "diffID", Want: diffID, Got: got}
	}
	if err != nil {
		return d, at(name, err)
	}
	d.MediaType = map[image.Compression]string{
		image.Plain: image.MediaTypeDockerLayer,
		image.Gzip:  image.MediaTypeDockerLayerGzip,
		image.Zstd:  image.MediaTypeDockerLayerZstd,
	}[packed]
	return d, nil
}

// measure gives the digest of the tar in a blob.
func (im *importer) measure(ctx context.Context, d image.Descriptor) (_ image.Digest, _ image.Compression, err error) {
	f, err := im.store.Open(ctx, d)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head := make([]byte, 4)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", "", err
	}
	packed := layer.Detect(head[:n])
	if packed == image.Plain && d.Digest.Algorithm() == digest.Canonical {
		return d.Digest, packed, nil
	}
	u, err := unpack(io.MultiReader(strings.NewReader(string(head[:n])), f), packed)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	hash := digest.Canonical.Digester()
	limit := im.limit()
	size, err := io.Copy(hash.Hash(), io.LimitReader(u, limit+1))
	if err == nil && size > limit {
		err = &image.LimitError{What: "size of the unpacked layer", Limit: limit}
	}
	return hash.Digest(), packed, malformed(err)
}
