package fs

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"path/filepath"
	"strings"

	"github.com/sandkit/sandkit/internal/safepath"
	"github.com/sandkit/sandkit/internal/undo"
)

// MaxFileSize limits the content of a [File].
const MaxFileSize = 16 << 20

// Validate reports every problem of one mount at once, without looking at the
// host.
func (m Mount) Validate() error {
	var errs undo.Errors
	target, err := safepath.Clean(m.Target)
	switch {
	case err != nil:
		errs.Add(fmt.Errorf("target: %w", err))
	case target == "/":
		errs.Add(errors.New(`target "/" is the root, use a rootfs option`))
	case underProc(target):
		errs.Add(fmt.Errorf("target %q is in a file system of the kernel", m.Target))
	}
	switch m.Type {
	case TypeBind:
		errs.Add(checkSource(m.Source))
	case TypeTmpfs, TypeFile:
		if m.Source != "" {
			errs.Add(fmt.Errorf("source %q: a %s has none", m.Source, m.Type))
		}
	case TypeVolume:
	default:
		errs.Add(fmt.Errorf("type %q is none of bind, tmpfs, file, volume", m.Type))
	}
	errs.Add(m.validateVolume())
	if m.Size < 0 {
		errs.Add(fmt.Errorf("size %d is negative", m.Size))
	}
	if m.Mode&^(iofs.ModePerm|iofs.ModeSticky) != 0 {
		errs.Add(fmt.Errorf("mode %v has more than permissions and the sticky bit", m.Mode))
	}
	if len(m.Content) > MaxFileSize {
		errs.Add(fmt.Errorf("content of %d bytes is over %d, use a bind mount", len(m.Content), MaxFileSize))
	}
	return errs.Err()
}

// underProc tells whether a path lies in /proc or /sys, where a mount could
// hide or fake what the kernel says.
func underProc(target string) bool {
	return inside(target, "/proc") || inside(target, "/sys")
}

// inside tells whether path is dir or below it; both are clean.
func inside(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

func checkSource(source string) error {
	switch {
	case source == "":
		return errors.New("source is empty")
	case strings.IndexByte(source, 0) >= 0:
		return fmt.Errorf("source %q contains a NUL byte", source)
	case !filepath.IsAbs(source):
		return fmt.Errorf("source %q is not absolute", source)
	case len(source) > 4095:
		return fmt.Errorf("source of %d bytes is longer than 4095", len(source))
	}
	return nil
}

// ValidateMounts checks mounts together: each one, and that no two have the
// same target.
func ValidateMounts(mounts []Mount) error {
	var errs undo.Errors
	seen := make(map[string]bool)
	for i, m := range mounts {
		if err := m.Validate(); err != nil {
			errs.Add(fmt.Errorf("mount %d: %w", i, err))
			continue
		}
		target, err := safepath.Clean(m.Target)
		if err != nil {
			continue // reported above
		}
		if seen[target] {
			errs.Add(fmt.Errorf("mount %d: duplicate target %q", i, target))
		}
		seen[target] = true
	}
	return errs.Err()
}

// Validate reports every problem at once, without looking at the host.
func (r Root) Validate() error {
	var errs undo.Errors
	if r.Dir != "" {
		if err := checkSource(r.Dir); err != nil {
			errs.Add(fmt.Errorf("rootfs: %w", err))
		}
	}
	if len(r.Layers) > 0 {
		errs.Add(r.validateLayers())
	} else if r.Writable && r.Dir == "" {
		errs.Add(errors.New("rootfs: the host's tools cannot be made writable, give a directory"))
	}
	if r.Writable && r.ReadOnly {
		errs.Add(errors.New("rootfs: both writable and read-only"))
	}
	if r.ScratchSize < 0 {
		errs.Add(fmt.Errorf("scratch size %d is negative", r.ScratchSize))
	}
	return errs.Err()
}
