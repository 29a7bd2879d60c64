package image

import (
	"errors"
	"fmt"
	"strings"
)

// References are parsed here rather than by a library: those that there are
// compile regular expressions at the start of every program that imports them,
// for half a millisecond. A fuzz test compares the results with Docker's own.

// What people leave out.
const (
	defaultRegistry = "docker.io"
	legacyRegistry  = "index.docker.io"
	officialPrefix  = "library/"
	defaultTag      = "latest"
)

// maxRepository is how long a repository's name may be, without the registry.
const maxRepository = 255

// The texts are Docker's.
var (
	errRefFormat = errors.New("invalid reference format")
	errTagFormat = errors.New("invalid tag format")
	errRefLong   = fmt.Errorf("repository name must not be more than %d characters", maxRepository)
)

// parseRef reads a reference without adding a tag.
func parseRef(s string) (Ref, error) {
	if len(s) == 64 && isHex(s) {
		return Ref{}, fmt.Errorf("invalid repository name (%s), cannot specify 64-byte hexadecimal strings", s)
	}
	registry, rest := splitRegistry(s)
	if name, _, _ := strings.Cut(rest, ":"); strings.ToLower(name) != name {
		return Ref{}, fmt.Errorf("%w: repository name (%s) must be lowercase", errRefFormat, name)
	}
	name, digest, pinned := strings.Cut(rest, "@")
	name, tag, tagged := strings.Cut(name, ":")
	r := Ref{registry: registry, repository: name, tag: tag, digest: Digest(digest)}
	switch {
	case !isRegistry(registry), !isRepository(name), tagged && !isTag(tag), pinned && !isDigestText(digest):
		return Ref{}, errRefFormat
	case len(name) > maxRepository:
		return Ref{}, errRefLong
	case pinned:
		return r, r.digest.Validate()
	}
	return r, nil
}

// splitRegistry tells a registry from the beginning of a name.
func splitRegistry(s string) (registry, rest string) {
	first, after, ok := strings.Cut(s, "/")
	switch {
	case !ok:
		return defaultRegistry, officialPrefix + s
	case first == legacyRegistry:
		registry, rest = defaultRegistry, after
	case first == "localhost", strings.ContainsAny(first, ".:"), strings.ToLower(first) != first:
		registry, rest = first, after
	default:
		registry, rest = defaultRegistry, s
	}
	if registry == defaultRegistry && !strings.Contains(rest, "/") {
		rest = officialPrefix + rest
	}
	return registry, rest
}

// isRegistry tells whether s is a host name, an IPv4 address or an IPv6 address
// in brackets, with or without a port.
func isRegistry(s string) bool {
	if strings.HasPrefix(s, "[") {
		address, port, ok := strings.Cut(s[1:], "]")
		return ok && address != "" && strings.Trim(address, "0123456789abcdefABCDEF:") == "" &&
			(port == "" || port[0] == ':' && isNumber(port[1:]))
	}
	host, port, ok := strings.Cut(s, ":")
	if ok && !isNumber(port) {
		return false
	}
	for part := range strings.SplitSeq(host, ".") {
		if part == "" || part[0] == '-' || part[len(part)-1] == '-' || strings.Trim(part, "-"+letters+digits) != "" {
			return false
		}
	}
	return true
}

const (
	lower   = "abcdefghijklmnopqrstuvwxyz"
	letters = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
)

// isRepository tells whether each part of s is words of small letters and
// digits, joined by ".", "_", "__" or any number of hyphens.
func isRepository(s string) bool {
	for part := range strings.SplitSeq(s, "/") {
		if !isRepositoryPart(part) {
			return false
		}
	}
	return true
}

func isRepositoryPart(s string) bool {
	for {
		rest := strings.TrimLeft(s, lower+digits)
		if len(rest) == len(s) {
			return false // no word
		}
		if rest == "" {
			return true
		}
		s = strings.TrimLeft(rest, "._-")
		if !isJoint(rest[:len(rest)-len(s)]) {
			return false
		}
	}
}

func isJoint(s string) bool {
	return s == "." || s == "_" || s == "__" || strings.Trim(s, "-") == ""
}

// isTag tells whether s is up to 128 letters, digits, underscores, dots and
// hyphens, the first no dot or hyphen.
func isTag(s string) bool {
	return s != "" && len(s) <= 128 && s[0] != '.' && s[0] != '-' && strings.Trim(s, "_.-"+letters+digits) == ""
}

// isDigestText tells whether s looks like a digest of any algorithm.
func isDigestText(s string) bool {
	algorithm, hex, _ := strings.Cut(s, ":")
	for {
		rest := strings.TrimLeft(algorithm, letters+digits)
		if len(rest) == len(algorithm) || !strings.Contains(letters, algorithm[:1]) {
			return false
		}
		if rest == "" {
			return len(hex) >= 32 && isHex(strings.ToLower(hex))
		}
		if !strings.Contains("-_+.", rest[:1]) {
			return false
		}
		algorithm = rest[1:]
	}
}

func isHex(s string) bool    { return strings.Trim(s, digits+"abcdef") == "" }
func isNumber(s string) bool { return s != "" && strings.Trim(s, digits) == "" }
