package image

import (
	"encoding/json"
	"slices"
	"time"
)

// Config is an image's configuration: what it runs on, what its programs
// expect, and how it came about. It has the fields of the OCI and those that
// Docker adds.
type Config struct {
	Created      *time.Time `json:"created,omitempty"`
	Author       string     `json:"author,omitempty"`
	Architecture string     `json:"architecture"`
	OS           string     `json:"os"`
	OSVersion    string     `json:"os.version,omitempty"`
	OSFeatures   []string   `json:"os.features,omitempty"`
	Variant      string     `json:"variant,omitempty"`
	Config       RunConfig  `json:"config"`
	RootFS       RootFS     `json:"rootfs"`
	History      []History  `json:"history,omitempty"`

	Comment       string `json:"comment,omitempty"`        // Docker's
	DockerVersion string `json:"docker_version,omitempty"` // Docker's
}

// RunConfig is how programs of an image are run.
type RunConfig struct {
	User         string              `json:"User,omitempty"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"`
	Env          []string            `json:"Env,omitempty"`
	Entrypoint   []string            `json:"Entrypoint,omitempty"`
	Cmd          []string            `json:"Cmd,omitempty"`
	Volumes      map[string]struct{} `json:"Volumes,omitempty"`
	WorkingDir   string              `json:"WorkingDir,omitempty"`
	Labels       map[string]string   `json:"Labels,omitempty"`
	StopSignal   string              `json:"StopSignal,omitempty"`

	// Docker's own:

	Healthcheck *Healthcheck `json:"Healthcheck,omitempty"`
	OnBuild     []string     `json:"OnBuild,omitempty"`
	Shell       []string     `json:"Shell,omitempty"`
	StopTimeout *int         `json:"StopTimeout,omitempty"` // seconds
	ArgsEscaped bool         `json:"ArgsEscaped,omitempty"` // Windows only
}

// Healthcheck is how Docker tests that a program works. Durations of 0 are
// the default's.
type Healthcheck struct {
	Test          []string      `json:"Test,omitempty"` // NONE, CMD args... or CMD-SHELL text
	Interval      time.Duration `json:"Interval,omitempty"`
	Timeout       time.Duration `json:"Timeout,omitempty"`
	StartPeriod   time.Duration `json:"StartPeriod,omitempty"`
	StartInterval time.Duration `json:"StartInterval,omitempty"`
	Retries       int           `json:"Retries,omitempty"`
}

// RootFS names the layers' trees by the digests of their uncompressed tars,
// the lowest first.
type RootFS struct {
	Type    string   `json:"type"` // "layers"
	DiffIDs []Digest `json:"diff_ids"`
}

// History is one step of how an image came about.
type History struct {
	Created    *time.Time `json:"created,omitempty"`
	CreatedBy  string     `json:"created_by,omitempty"`
	Author     string     `json:"author,omitempty"`
	Comment    string     `json:"comment,omitempty"`
	EmptyLayer bool       `json:"empty_layer,omitempty"` // it made no layer
}

// Platform is what the image runs on.
func (c *Config) Platform() Platform {
	return Platform{
		Architecture: c.Architecture, OS: c.OS, OSVersion: c.OSVersion,
		OSFeatures: slices.Clone(c.OSFeatures), Variant: c.Variant,
	}
}

// Clone is a copy that shares nothing with c.
func (c *Config) Clone() *Config {
	raw, err := json.Marshal(c)
	n := new(Config)
	if err == nil {
		err = json.Unmarshal(raw, n)
	}
	if err != nil {
		return c // text, numbers and maps always have a JSON form
	}
	return n
}

// ParseConfig reads the configuration that desc describes. It fails as
// [ParseManifest] does; a configuration of something that is no image has
// another media type.
func ParseConfig(desc Descriptor, raw []byte) (*Config, error) {
	if !IsConfig(desc.MediaType) {
		return nil, &MediaTypeError{What: "configuration", Got: desc.MediaType}
	}
	if n := max(desc.Size, int64(len(raw))); n > MaxConfigSize {
		return nil, &LimitError{What: "configuration size", Limit: MaxConfigSize, Got: n}
	}
	if err := Verify(desc, raw); err != nil {
		return nil, err
	}
	c := new(Config)
	if err := unmarshal(raw, c); err != nil {
		return nil, invalid("configuration %s: %w", desc.Digest, err)
	}
	if c.RootFS.Type != "layers" && (c.RootFS.Type != "" || len(c.RootFS.DiffIDs) > 0) {
		return nil, invalid("configuration %s: rootfs type %q", desc.Digest, c.RootFS.Type)
	}
	for i, d := range c.RootFS.DiffIDs {
		if err := d.Validate(); err != nil {
			return nil, invalid("configuration %s: diffID %d %q: %w", desc.Digest, i, string(d), err)
		}
	}
	return c, nil
}
