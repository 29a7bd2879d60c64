package peer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A Worker is a process that makes a run when it is told to and says how long
// that took.
type Worker struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// StartWorker starts one. For each byte that it reads it has to print a number
// of nanoseconds.
func StartWorker(path string, args ...string) (*Worker, error) {
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	return &Worker{cmd, in, bufio.NewReader(out)}, nil
}

// Run has it make a run.
func (w *Worker) Run() (time.Duration, error) {
	if _, err := io.WriteString(w.in, "x"); err != nil {
		return 0, err
	}
	line, err := w.out.ReadString('\n')
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return time.Duration(ns), err
}

// Close ends it.
func (w *Worker) Close() error { return errors.Join(w.in.Close(), w.cmd.Wait()) }
