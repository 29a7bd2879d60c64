package sandbox

import (
	"os"

	"github.com/sandkit/sandkit/ns"
)

// firstBlock stands for the ids that a start reserves.
const firstBlock, blockSize = 0x70000000, 1 << 16

// Plan is a dry run: what Start would do on a host with these features. It
// looks at the root and the mounts and changes nothing. The ids that root
// reserves at the start are shown as the first ones that could be. A Spec with an
// image has none: the error matches [ErrNotSupported].
func (s *Spec) Plan(f Features) (*Plan, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.Image.Ref != "" {
		return nil, &NotSupportedError{Feature: "plan of a sandbox with an image", Hint: "what the image says is known when it is pulled, at the start"}
	}
	b, err := newBuilder(s, planID, &f, nil)
	if err != nil {
		return nil, err
	}
	switch {
	case s.HostUsers:
		b.users = users{inner: ns.BlockMapping(0, 1<<32-1)}
	case f.Privileged:
		b.users = users{inner: ns.BlockMapping(firstBlock, blockSize)}
	default:
		b.users = ordinaryUsers()
	}
	if err := b.checkUser(); err != nil {
		return nil, err
	}
	if !b.spec.Idle {
		b.stdio = make([]*os.File, len(stdioNames))
	}
	if err := b.build(); err != nil {
		return nil, err
	}
	return b.plan, nil
}

// planID stands for the id of a sandbox that is only planned.
const planID = "plan"
