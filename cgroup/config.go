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
	// Lean leaves out v1 controllers that are only for Stats: each is a directory
	// more to make and to remove. Their numbers are zero then. On v2, one
	// directory has all controllers anyway.
	Lean bool
}

// DefaultParent is the group below which the trees of all host programs are.
const DefaultParent = "sandkit"
