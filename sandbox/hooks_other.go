//go:build !linux

package sandbox

// hooks are nothing where there are no sandboxes.
type hooks struct{ refuse func(s *Sandbox) error }

func (h *hooks) restart() {}
func (h *hooks) test()    {}
func (h *hooks) ready()   {}
func (h *hooks) detach()  { h.refuse = (*Sandbox).canDetach }
