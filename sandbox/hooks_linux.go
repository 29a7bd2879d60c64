package sandbox

import "context"

// hooks are what options bring with them, so that programs that do not use them do
// not link what they need.
type hooks struct {
	repeat    func(s *Sandbox, ctx context.Context, b *builder, r *running) (*running, error) // the first run of several
	check     func(s *Sandbox, r *running)                                                    // begins to test a run
	await     func(s *Sandbox, ctx context.Context, r *running) error                         // waits until it is ready
	detachNow func(s *Sandbox, ctx context.Context) error                                     // hands it over, just started
	refuse    func(s *Sandbox) error                                                          // tells why that cannot be
}

func (h *hooks) restart() { h.repeat = (*Sandbox).firstOfCycle }
func (h *hooks) test()    { h.check = (*Sandbox).checkRun }
func (h *hooks) ready()   { h.await = (*Sandbox).becomeReady }
func (h *hooks) detach()  { h.detachNow, h.refuse = (*Sandbox).detachStarted, (*Sandbox).canDetach }
