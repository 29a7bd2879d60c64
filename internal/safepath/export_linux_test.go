package safepath

import "testing"

// SetWalk turns openat2 off or on; the result restores what was.
func SetWalk(only bool) (restore func()) {
	before := walkOnly.Swap(only)
	return func() { walkOnly.Store(before) }
}

// WithWalk runs the test once with openat2 and once without.
func WithWalk(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for _, only := range []bool{false, true} {
		name := map[bool]string{false: "openat2", true: "walk"}[only]
		t.Run(name, func(t *testing.T) {
			t.Cleanup(SetWalk(only))
			test(t)
		})
	}
}
