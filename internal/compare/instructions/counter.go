package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// readIdle gives the time in which the machine had nothing to do. Whoever reads
// it is running on the only CPU, so that it is complete.
func readIdle() (time.Duration, error) {
	b, err := os.ReadFile("/proc/timer_list")
	if err != nil {
		return 0, fmt.Errorf("read idle time: %w", err)
	}
	return parseIdle(string(b))
}

// parseIdle adds up the idle times of a timer list of one CPU.
func parseIdle(timers string) (sum time.Duration, err error) {
	found := 0
	for line := range strings.Lines(timers) {
		name, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(name) {
		case ".idle_sleeptime", ".iowait_sleeptime":
			ns, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " nsecs"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read idle time: %w", err)
			}
			sum += time.Duration(ns)
			found++
		}
	}
	if found != 2 {
		return 0, errors.New("read idle time: want a timer list of one CPU")
	}
	return sum, nil
}

// A span is what happened in between: instructions executed, and time without
// anything to do.
type span struct {
	executed int64
	waiting  time.Duration
}

// during counts what f does.
func during(f func() error) (span, error) {
	before, err := readIdle()
	if err != nil {
		return span{}, err
	}
	began := time.Now()
	err = f()
	took := time.Since(began)
	if err != nil {
		return span{}, err
	}
	after, err := readIdle()
	idle := after - before
	return span{int64(took - idle), idle}, err
}
