package cgroup

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/cgroups/v3"
)

// hierarchy is a mounted tree of cgroups.
type hierarchy struct {
	version     int      // 1 or 2
	controllers []string // that the mount says it has; v2 says it in files
	mount       string   // directory of the top group that this program sees
	own         string   // this program's group, below mount: "/", "/a/b"; empty: not below
}

// has tells whether a v1 hierarchy has a controller.
func (h *hierarchy) has(c Controller) bool { return slices.Contains(h.controllers, c.v1Name()) }

// dir is a group's directory; group is below the mount.
func (h *hierarchy) dir(group string) string { return filepath.Join(h.mount, group) }

// parseHierarchies finds all hierarchies in the text of /proc/self/mountinfo
// and the program's own groups in that of /proc/self/cgroup.
func parseHierarchies(mountinfo, own string) ([]*hierarchy, error) {
	v1Own, v2Own, err := cgroups.ParseCgroupFromReaderUnified(strings.NewReader(own))
	if err != nil {
		return nil, fmt.Errorf("parse own cgroups: %w", err)
	}
	var all []*hierarchy
	seen := make(map[string]bool) // hierarchies are often mounted twice
	for line := range strings.Lines(mountinfo) {
		h, root, key, ok := parseMount(strings.TrimSuffix(line, "\n"))
		if !ok || seen[key] {
			continue
		}
		seen[key] = true
		group := v2Own
		if h.version == 1 {
			group = v1Own[h.controllers[0]]
		}
		if rel, err := filepath.Rel(root, group); err == nil && filepath.IsLocal(rel) {
			h.own = filepath.Join("/", rel)
		}
		all = append(all, h)
	}
	// A fixed order: v2 first, then by name.
	slices.SortStableFunc(all, func(a, b *hierarchy) int {
		return cmp.Or(cmp.Compare(b.version, a.version), slices.Compare(a.controllers, b.controllers))
	})
	return all, nil
}

// v1Controllers are the v1 controllers that groups are made for.
var v1Controllers = []string{"blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory", "pids"}

// parseMount reads one line of mountinfo; ok is false for what is no hierarchy
// that has anything of use. The key tells hierarchies from each other.
func parseMount(line string) (h *hierarchy, root, key string, ok bool) {
	left, right, found := strings.Cut(line, " - ")
	fields, kind := strings.Fields(left), strings.Fields(right)
	if !found || len(fields) < 6 || len(kind) < 3 {
		return nil, "", "", false
	}
	h = &hierarchy{version: 2, mount: unescape(fields[4])}
	switch kind[0] {
	case "cgroup2":
		key = "2"
	case "cgroup":
		h.version = 1
		for option := range strings.SplitSeq(kind[2], ",") {
			if slices.Contains(v1Controllers, option) {
				h.controllers = append(h.controllers, option)
			}
		}
		slices.Sort(h.controllers)
		key = strings.Join(h.controllers, ",")
	}
	return h, unescape(fields[3]), key, key != ""
}

// unescape undoes what mountinfo does to blanks and the like: \040.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
