package capability_test

import (
	"errors"
	"testing"

	"github.com/sandkit/sandkit/internal/capability"
)

func TestParse(t *testing.T) {
	cases := []struct {
		in   []string
		want capability.Set
		text string
	}{
		{nil, 0, "none"},
		{[]string{"chown"}, 1 << 0, "CAP_CHOWN"},
		{[]string{"CAP_KILL", "cap_sys_admin", "SYS_ADMIN"}, 1<<5 | 1<<21, "CAP_KILL,CAP_SYS_ADMIN"},
		{[]string{"CHECKPOINT_RESTORE"}, 1 << 40, "CAP_CHECKPOINT_RESTORE"},
		{[]string{"all"}, 1<<41 - 1, capability.All().String()},
	}
	for _, c := range cases {
		got, err := capability.Parse(c.in)
		if err != nil || got != c.want || got.String() != c.text {
			t.Errorf("Parse(%v) = %#x %q, %v; want %#x %q", c.in, got, got, err, c.want, c.text)
		}
	}
	for _, bad := range []string{"", "CAP_", "FLY", "CAP_CAP_KILL", "5"} {
		if got, err := capability.Parse([]string{bad}); !errors.Is(err, capability.ErrUnknown) {
			t.Errorf("Parse(%q) = %v, %v; want ErrUnknown", bad, got, err)
		}
	}
}
