package fs

import (
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// Kinds names the types of the file systems at and below a path of the host,
// for errors: a recursive mount can do only what all of them can.
func Kinds(path string) string {
	var kinds []string
	// The mount that the path lies in, and those below it.
	_, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		if inside(m.Mountpoint, path) && !slices.Contains(kinds, m.FSType) {
			kinds = append(kinds, m.FSType)
		}
		return true, false
	})
	around, err2 := mountinfo.GetMounts(mountinfo.ParentsFilter(path))
	if err != nil || err2 != nil {
		return "an unknown file system"
	}
	if nearest := deepest(around); nearest != nil && !slices.Contains(kinds, nearest.FSType) {
		kinds = append([]string{nearest.FSType}, kinds...)
	}
	return strings.Join(kinds, ", ")
}

func deepest(mounts []*mountinfo.Info) *mountinfo.Info {
	var d *mountinfo.Info
	for _, m := range mounts {
		if d == nil || len(m.Mountpoint) >= len(d.Mountpoint) {
			d = m
		}
	}
	return d
}
