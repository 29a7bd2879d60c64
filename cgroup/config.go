package cgroup

// Config says how a group is made. The zero value of each field but Name is
// fine.
type Config struct {
	// Name is the group's name in its tree.
	Name string
	// Limits are in force when Create returns.
	Limits Limits
	// BestEffort lists limits that may be dropped, here and later.
	BestEffort BestEffort
	// Reserve lists controllers beside those that the limits and Stats need, for
	// limits that are applied when processes are in the group already: to join a
	// controller later costs some milliseconds where it is v1.
	Reserve []Controller
	// Later lists controllers that the group is to have only when something
	// needs them: limits, Freeze, Events. Each v1 hierarchy is a directory more to
	// make and to remove, and what it counts is zero until the group is in it. A
	// host with v2 alone has one directory for all, and Later changes nothing.
	Later []Controller
}

// DefaultParent is the group below which the trees of all host programs are.
const DefaultParent = "sandkit"
