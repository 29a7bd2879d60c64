package passwd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrUnknown is matched when a name stands in neither file.
var ErrUnknown = errors.New("unknown")

// An Identity is who a process runs as.
type Identity struct {
	UID, GID uint32
	// Groups are the supplementary groups, ascending, each once.
	Groups []uint32
	Name   string // the user's name, if there is one
	Home   string // the home directory; "/" when not known
}

// Resolve finds out who "uid", "uid:gid", "name" or "name:group" is, by
// Docker's rules: a name that looks like a number is first tried as a name; a
// number need not stand in the file; without a group the user's own comes
// with all groups that list the user as a member. "" is "0".
func Resolve(spec string, passwd, group []byte) (Identity, error) {
	userPart, groupPart, explicit := strings.Cut(spec, ":")
	if explicit && groupPart == "" {
		return Identity{}, fmt.Errorf("user %q: no group after the colon", spec)
	}
	if userPart == "" {
		userPart = "0"
	}
	id, err := findUser(userPart, Users(passwd))
	if err != nil {
		return Identity{}, err
	}
	groups := Groups(group)
	if explicit {
		gid, err := findGroup(groupPart, groups)
		if err != nil {
			return Identity{}, err
		}
		id.GID = gid
		return id, nil
	}
	for _, g := range groups {
		if id.Name != "" && slices.Contains(g.Members, id.Name) {
			id.Groups = append(id.Groups, g.GID)
		}
	}
	slices.Sort(id.Groups)
	id.Groups = slices.Compact(id.Groups)
	return id, nil
}

func findUser(name string, users []User) (Identity, error) {
	number, isNumber := ParseID(name)
	match := func(u User) bool { return u.Name == name }
	i := slices.IndexFunc(users, match)
	if i < 0 && isNumber {
		i = slices.IndexFunc(users, func(u User) bool { return u.UID == number })
	}
	switch {
	case i >= 0:
		u := users[i]
		return Identity{UID: u.UID, GID: u.GID, Name: u.Name, Home: homeOr(u.Home)}, nil
	case isNumber:
		return Identity{UID: number, Home: "/"}, nil
	}
	return Identity{}, fmt.Errorf("user %q is not in /etc/passwd: %w", name, ErrUnknown)
}

func findGroup(name string, groups []Group) (uint32, error) {
	for _, g := range groups {
		if g.Name == name {
			return g.GID, nil
		}
	}
	if gid, ok := ParseID(name); ok {
		return gid, nil
	}
	return 0, fmt.Errorf("group %q is not in /etc/group: %w", name, ErrUnknown)
}

func homeOr(home string) string {
	if home == "" {
		return "/"
	}
	return home
}
