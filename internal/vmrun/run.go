//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"
)

// boots is how often a machine is started that dies before the program's start:
// that is the emulator's doing, seldom and by chance.
const boots = 3

// run makes a machine, runs the program in it and brings its results back. It
// returns vmrun's exit code, and an error when that is not the program's.
func run(o *options) (int, error) {
	start, limit := time.Now(), o.limit()
	ctx, quits, stop := lifetime(limit)
	defer stop()
	w := &watcher{start: start, quitAt: quitAfter(limit), quits: quits, warn: complain}
	for boot := 1; ; boot++ {
		code, err := runOnce(ctx, o, w)
		if boot == boots || !errors.Is(err, errNoBoot) {
			return code, err
		}
		complain(fmt.Sprintf("%v; it is started again", err))
	}
}

// runOnce is run with a single machine.
func runOnce(ctx context.Context, o *options, w *watcher) (code int, err error) {
	tmp, err := os.MkdirTemp("", "vmrun-")
	if err != nil {
		return exitMachine, fmt.Errorf("make temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	j, err := prepare(ctx, o, tmp)
	if err != nil {
		return failed(ctx, err)
	}
	prepared := time.Since(w.start)
	m, err := startMachine(ctx, o, j, tmp, os.Stdout, os.Stderr)
	if err != nil {
		return failed(ctx, err)
	}
	defer func() { err = errors.Join(err, m.close()) }()

	w.control, w.delivered = m.port(portControl), m.delivered
	// QEMU holds the files open: without names they go even when vmrun is
	// killed. What is left here is removed above.
	w.onInit = func() { _ = os.RemoveAll(tmp) }
	r := w.watch(ctx)
	r.times.prepared = prepared
	endErr := m.end()
	r.lost = r.exited && !m.delivered(r.sent)
	if err := m.report(o, r); err != nil {
		complain(err)
	}
	if o.verbose {
		r.times.print(m.cpuTime(), time.Since(w.start), j.initrdSize)
	}
	return conclude(o, r, endErr, func() error { return extract(&m.results, j.outputs) })
}

// failed is how run ends before the machine runs.
func failed(ctx context.Context, err error) (int, error) {
	if cause := context.Cause(ctx); cause != nil {
		return outcome{cut: cause}.exitCode(false)
	}
	return exitMachine, err
}

// conclude brings the results back, also those of a program that failed, and
// decides the exit code.
func conclude(o *options, r outcome, endErr error, extract func() error) (int, error) {
	code, err := r.exitCode(o.allowLeftovers)
	if len(r.left) > 0 && code != exitLeftover {
		complain(r.leftText())
	}
	if r.exited && !r.lost {
		endErr = errors.Join(endErr, extract())
	}
	if endErr != nil && code == 0 {
		code = exitMachine
	}
	return code, errors.Join(err, endErr)
}

// report prints the kernel's log and QEMU's words when they are asked for or
// needed.
func (m *machine) report(o *options, r outcome) error {
	if !o.klog && !r.unexplained() {
		return nil
	}
	const tail = 8 << 10
	size := int64(tail)
	if o.klog {
		size = math.MaxInt32
	}
	b, err := m.log(size)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stderr, "vmrun: the kernel's log:\n%s%s", b, m.said.Bytes())
	return err
}

func (t times) print(cpu, all time.Duration, initrd int64) {
	complain(fmt.Sprintf("prepared %.2fs (initrd %.1f MB), init %.2fs (kernel's clock %.2fs), program started %.2fs, ran %.2fs, all %.2fs; QEMU used %.2fs of CPU",
		t.prepared.Seconds(), float64(initrd)/1e6, t.init.Seconds(), t.kernel, t.started.Seconds(),
		max(0, t.exited-t.started).Seconds(), all.Seconds(), cpu.Seconds()))
}
