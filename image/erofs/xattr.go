package erofs

import (
	"maps"
	"slices"
	"strings"
)

const (
	xattrHeader    = 12 // before an inode's attributes
	xattrEntry     = 4  // before each attribute's name
	maxXattrName   = 255
	maxXattrValue  = 1<<16 - 1
	maxXattrList   = 1 << 16                     // of names with their NULs, for listxattr(2)
	maxXattrSize   = xattrHeader + 4*(1<<16-1-1) // of all that an inode has
	maxXattrShared = 255
)

// xattrPrefixes are kept as numbers. One that ends with a dot is followed by a
// name, the others are names.
var xattrPrefixes = [...]string{
	1: "user.",
	2: "system.posix_acl_access",
	3: "system.posix_acl_default",
	4: "trusted.",
	6: "security.",
}

// splitXattr finds a name's prefix.
func splitXattr(name string) (index int, rest string, ok bool) {
	for i, p := range xattrPrefixes {
		if p == "" {
			continue
		}
		if rest, ok := strings.CutPrefix(name, p); ok && (rest != "") == strings.HasSuffix(p, ".") {
			return i, rest, true
		}
	}
	return 0, "", false
}

// joinXattr is the reverse of splitXattr.
func joinXattr(index int, rest string) (name string, ok bool) {
	if index >= len(xattrPrefixes) || xattrPrefixes[index] == "" {
		return "", false
	}
	p := xattrPrefixes[index]
	return p + rest, (rest != "") == strings.HasSuffix(p, ".") && !strings.Contains(rest, "\x00")
}

// encodeXattrs gives what follows an inode that has these attributes, sorted
// by name: nothing if there are none.
func encodeXattrs(xattrs map[string][]byte) ([]byte, error) {
	if len(xattrs) == 0 {
		return nil, nil
	}
	size, list := xattrHeader, 0
	for name, value := range xattrs {
		if err := checkXattr(name, value); err != nil {
			return nil, err
		}
		_, rest, _ := splitXattr(name)
		size += roundUp(xattrEntry+len(rest)+len(value), 4)
		list += len(name) + 1
	}
	if list > maxXattrList {
		return nil, tooLong("xattrs", "", "size of the list of names", maxXattrList, list)
	}
	if size > maxXattrSize {
		return nil, tooLong("xattrs", "", "size of all", maxXattrSize, size)
	}
	b := make([]byte, xattrHeader, size)
	for _, name := range slices.Sorted(maps.Keys(xattrs)) {
		b = appendXattr(b, name, xattrs[name])
	}
	return b, nil
}

func checkXattr(name string, value []byte) error {
	if len(name) > maxXattrName {
		return tooLong("xattr", name, "length of the name", maxXattrName, len(name))
	}
	if len(value) > maxXattrValue {
		return tooLong("xattr", name, "size of the value", maxXattrValue, len(value))
	}
	if _, rest, ok := splitXattr(name); !ok || strings.Contains(rest, "\x00") {
		return badInput("xattr", name, "EROFS has no place for such a name")
	}
	return nil
}

func appendXattr(b []byte, name string, value []byte) []byte {
	index, rest, _ := splitXattr(name)
	b = append(b, byte(len(rest)), byte(index))
	b = le.AppendUint16(b, uint16(len(value)))
	b = append(append(b, rest...), value...)
	return append(b, 0, 0, 0)[:roundUp(len(b), 4)]
}

// shareXattrs turns what encodeXattrs gave into attributes that are elsewhere,
// and what refers to them. They are at the begin of the image's area for such
// attributes.
func shareXattrs(b []byte) (refs, shared []byte, err error) {
	refs, shared = make([]byte, xattrHeader), b[xattrHeader:]
	for at := 0; at < len(shared); {
		if refs[4] == maxXattrShared {
			return nil, nil, tooLong("xattrs", "", "number of attributes of the root", maxXattrShared, 0)
		}
		refs[4]++
		refs = le.AppendUint32(refs, uint32(at/4))
		at += roundUp(xattrEntry+int(shared[at])+int(le.Uint16(shared[at+2:])), 4)
	}
	return refs, shared, nil
}
