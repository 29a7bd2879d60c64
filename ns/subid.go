package ns

import (
	"strconv"
	"strings"
)

// ParseSubIDs reads the content of /etc/subuid or /etc/subgid and gives the
// ranges that belong to the user, by name or by number. Lines that do not
// have the form name:first:count are skipped, as newuidmap does.
func ParseSubIDs(content, name string, uid uint32) []Range {
	var ranges []Range
	for line := range strings.Lines(content) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || (f[0] != name && f[0] != strconv.FormatUint(uint64(uid), 10)) || f[0] == "" {
			continue
		}
		first, err1 := strconv.ParseUint(f[1], 10, 32)
		count, err2 := strconv.ParseUint(f[2], 10, 32)
		if err1 != nil || err2 != nil || count == 0 || first+count > 1<<32-1 {
			continue
		}
		ranges = append(ranges, Range{Outside: uint32(first), Count: uint32(count)})
	}
	return ranges
}

// RangedMapping maps 0 inside to one user and group outside, and the ids from
// 1 on to the first subordinate range of each.
func RangedMapping(uid, gid uint32, subUID, subGID Range) Mapping {
	return Mapping{
		UIDs: []Range{{0, uid, 1}, {1, subUID.Outside, subUID.Count}},
		GIDs: []Range{{0, gid, 1}, {1, subGID.Outside, subGID.Count}},
	}
}
