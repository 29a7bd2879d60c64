package sandbox

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/sandkit/sandkit/internal/launch"
)

// supervise waits for the end of the sandbox and writes down how it came.
func (s *Sandbox) supervise(r *running) {
	status, err := r.wait()
	s.endChecks()
	if errors.Is(err, launch.ErrLetGo) {
		s.parted(r)
		return
	}
	if r.timeout != nil {
		r.timeout.Stop()
	}
	err = errors.Join(r.unpublish(err), r.streams.finish())
	res := &Result{Started: r.started, Setup: r.setup, Protections: r.force}
	res.set(status)
	if r.process.Monitored() {
		err = errors.Join(err, r.monitored(r, status, res))
	} else if r.group != nil {
		stats, gerr := r.group.end()
		res.Stats, err = stats, errors.Join(err, gerr)
	}
	r.claim.release()
	if res.Stats.CPU.Usage == 0 { // nobody counted
		res.Stats.CPU.User, res.Stats.CPU.System = res.UserTime, res.SystemTime
		res.Stats.CPU.Usage = res.UserTime + res.SystemTime
	}
	r.process.Release()
	res.Finished = time.Now()
	s.mu.Lock()
	asked := s.reason == ReasonStopped || s.reason == ReasonKilled || r.byHand()
	res.RestartCount = s.count
	if res.Reason == "" { // a monitor may have told
		res.Reason = s.reasonFor(res)
	}
	s.mu.Unlock()
	err = errors.Join(err, s.noteEnd(res, asked))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over(res, err, status.Usage)
	s.log.Debug("sandbox ended", "id", s.id, "result", res.String())
}

// set notes how a process ended.
func (r *Result) set(status launch.Status) {
	switch {
	case !status.Known: // with process 1, the kernel killed everything
		r.ExitCode, r.Signal = -1, syscall.SIGKILL
	case status.Wait.Signaled():
		r.ExitCode, r.Signal, r.CoreDumped = -1, status.Wait.Signal(), status.Wait.CoreDump()
	default:
		r.ExitCode = status.Wait.ExitStatus()
	}
	if u := status.Usage; u != nil {
		r.UserTime, r.SystemTime = time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
		r.MaxRSS = int64(u.Maxrss) << 10 //nolint:unconvert // 32 bits on some architectures
	}
}

// reasonFor tells why it ended: what somebody asked for counts only when the
// program did not end by itself before.
func (s *Sandbox) reasonFor(res *Result) Reason {
	switch {
	case s.reason == ReasonStopped, s.reason != "" && res.Signal == syscall.SIGKILL:
		return s.reason
	case res.ExitCode == 0:
	case res.Stats.Memory.OOMKills > s.earlier.Memory.OOMKills:
		return ReasonOOM
	case res.Stats.Pids.LimitHits > s.earlier.Pids.LimitHits:
		return ReasonPids
	case res.Signal != 0:
		return ReasonSignaled
	}
	return ReasonExited
}

// Wait waits for the end of the sandbox, or of ctx. It can be called at any
// time, any number of times, also before Start. When it returns a Result, no
// process of the sandbox is alive and all output has been copied. For any end
// but exit code 0 the error is an [*ExitError]. With a restart policy it is the end
// for good, and the error may be why the program could not be started again.
func (s *Sandbox) Wait(ctx context.Context) (*Result, error) {
	select {
	case <-s.ended:
	default:
		select {
		case <-s.ended:
		case <-ctx.Done():
			return nil, s.wrap("wait", "", "", ctx.Err())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.result == nil {
		return nil, s.wrap("wait", "", "", ErrClosed)
	}
	res := *s.result
	if s.lost != nil {
		return &res, s.lost
	}
	if res.ExitCode != 0 {
		return &res, &ExitError{Result: &res}
	}
	return &res, s.wrap("wait", StageWait, "", s.err)
}

// Signal sends a signal to the program, not to the other processes of the
// sandbox. It matches [ErrNotRunning] when there is none, also [ErrRestarting] when
// it is about to be started again, unless the signal ends that, see [WithRestart].
func (s *Sandbox) Signal(sig os.Signal) error {
	number, err := signalNumber(sig)
	if err != nil {
		return s.wrap("signal", "", "", err)
	}
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	if r == nil {
		return s.wrap("signal", "", "", ErrNotRunning)
	}
	if err = r.signal(number); errors.Is(err, os.ErrProcessDone) {
		err = ErrNotRunning
	}
	return s.wrap("signal", "", "", err)
}

// signalNumber checks a signal.
func signalNumber(sig os.Signal) (syscall.Signal, error) {
	number, ok := sig.(syscall.Signal)
	if !ok || number < 1 || number > 64 {
		return 0, errors.Join(ErrInvalidSpec, syscall.EINVAL)
	}
	return number, nil
}

// Stop sends the stop signal to the program, kills everything when the grace
// period is over, and returns when the sandbox has ended; stopping one that
// has ended is no error. When ctx ends before, Stop returns and the sandbox
// still ends in time.
func (s *Sandbox) Stop(ctx context.Context) error {
	s.mu.Lock()
	r := s.running
	if r != nil && s.reason == "" {
		s.reason = ReasonStopped
	}
	done, early := s.state == stateEnded || s.state == stateClosed, s.early()
	s.mu.Unlock()
	if done {
		return nil
	}
	if r == nil {
		return s.wrap("stop", "", "", ErrNotRunning)
	}
	r.thaw()
	if r.process.Monitored() {
		if err := r.process.Stop(r.stop.signal(), r.stop.grace()); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return s.wrap("stop", "", "", err)
		}
		return s.awaitStop(ctx, early)
	}
	if err := r.signal(r.stop.signal()); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return s.wrap("stop", "", "", err)
	}
	grace := time.AfterFunc(r.stop.grace(), func() { _ = r.process.Kill() })
	defer func() {
		if ctx.Err() == nil {
			grace.Stop()
		}
	}()
	return s.awaitStop(ctx, early)
}

// awaitStop waits for the end, or that of ctx.
func (s *Sandbox) awaitStop(ctx context.Context, early <-chan struct{}) error {
	select {
	case <-s.ended:
		return nil
	case <-early:
		return nil
	case <-ctx.Done():
		return s.wrap("stop", "", "", ctx.Err())
	}
}

// Kill ends every process of the sandbox at once. It returns when the signal
// is sent; [Sandbox.Wait] tells when they are gone.
func (s *Sandbox) Kill() error {
	s.mu.Lock()
	running := s.running != nil || s.state == stateStarting
	s.mu.Unlock()
	if !running {
		return s.wrap("kill", "", "", ErrNotRunning)
	}
	return s.wrap("kill", "", "", s.end(ReasonKilled))
}

// end kills the sandbox, or its start, and remembers why, unless it is ending
// already.
func (s *Sandbox) end(why Reason) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == "" || s.reason == ReasonStopped && why != ReasonKilled {
		s.reason = why
	}
	switch {
	case s.running != nil:
		defer s.running.thaw() // or the signal would wait with it
		return s.running.process.Kill()
	case s.cancel != nil:
		s.cancel()
	}
	return nil
}

// Close kills the sandbox and returns when nothing of it is left. A sandbox
// that was closed cannot be started. Closing again, or a nil Sandbox, does
// nothing. A detached sandbox goes on; Close only lets go of it.
func (s *Sandbox) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	s.closing = true
	if s.state == stateCreated {
		s.state = stateClosed
		close(s.ended)
	}
	s.mu.Unlock()
	if s.isDetached() {
		return s.wrap("close", "", "", s.letGoAlive())
	}
	err := s.end(ReasonKilled)
	if err == nil {
		<-s.ended
		err = errors.Join(s.letGo(), s.forget())
	}
	if err == nil {
		s.gone()
	}
	return s.wrap("close", "", "", err)
}
