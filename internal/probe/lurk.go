package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// lurk tries, until SIGTERM, to look into every process that has not executed
// its program yet, which is still called as process 1 is. It tells whether it
// saw one, and how often it got in: "mem" asks for the right to trace.
func lurk(a []string) (string, error) {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	fmt.Println("lurking")
	seen, inside := 0, 0
	for {
		select {
		case <-end:
			return fmt.Sprintf("seen=%t inside=%d", seen > 0, inside), nil
		default:
		}
		all, err := os.ReadDir("/proc")
		if err != nil {
			return "", err
		}
		for _, e := range all {
			pid, err := strconv.Atoi(e.Name())
			if err != nil || pid == 1 || !isFresh(e.Name(), a[0]) {
				continue
			}
			seen++
			got := intrude(pid)
			if got && isFresh(e.Name(), a[0]) {
				inside++
			}
		}
	}
}

// isFresh tells whether a process is still called that.
func isFresh(pid, name string) bool {
	comm, err := os.ReadFile("/proc/" + pid + "/comm")
	return err == nil && strings.TrimSpace(string(comm)) == name
}

func intrude(pid int) bool {
	for _, name := range []string{"mem", "maps", "environ", "auxv"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil {
			continue
		}
		// Some are checked when they are read.
		_, err = f.Read(make([]byte, 1))
		_ = f.Close()
		if err == nil {
			return true
		}
	}
	_, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", pid))
	return err == nil
}
