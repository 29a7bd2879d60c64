package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sandkit/sandkit/sandbox"
)

func ExampleWithRestart() {
	policy := sandbox.RestartOnFailure(3)
	policy.Backoff.Min = time.Millisecond
	res, err := sandbox.Run(context.Background(), sandbox.WithRestart(policy), sandbox.WithStdout(os.Stdout),
		sandbox.WithCommand("sh", "-c", "echo try >>/tmp/tries; cat /tmp/tries; test $(wc -l </tmp/tries) -eq 2"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("restarts:", res.RestartCount)
	// Output:
	// try
	// try
	// try
	// restarts: 1
}

func ExampleParseRestartPolicy() {
	p, err := sandbox.ParseRestartPolicy("on-failure:3")
	fmt.Println(p.Mode, p.MaxRetries, err)
	_, err = sandbox.ParseRestartPolicy("always:3")
	fmt.Println(err)
	// Output:
	// on-failure 3 <nil>
	// invalid spec: restart policy "always:3": MaxRetries 3: only on-failure has a limit
}

func ExampleSandbox_Restart() {
	ctx := context.Background()
	s, err := sandbox.New(sandbox.WithRestart(sandbox.RestartAlways()), sandbox.WithCommand("sleep", "1000"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	err = errors.Join(s.Start(ctx), s.Restart(ctx))
	fmt.Println(s.Status(), err)
	err = s.Stop(ctx)
	fmt.Println(s.Status(), err)
	// Output:
	// running <nil>
	// exited <nil>
}

func ExampleWithHealthcheck() {
	ctx := context.Background()
	s, err := sandbox.New(sandbox.WithCommand("sh", "-c", "echo >/tmp/up; exec sleep 1000"), sandbox.WithReady(time.Minute, sandbox.ReadyHealthy()),
		sandbox.WithHealthcheck(sandbox.Healthcheck{Test: []string{"CMD", "test", "-e", "/tmp/up"}, StartPeriod: time.Minute, StartInterval: time.Millisecond}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Status())
	// Output: running, healthy
}

func ExampleWithReady() {
	s, err := sandbox.New(sandbox.WithCommand("sh", "-c", "echo no configuration >&2; exit 1"), sandbox.WithReady(time.Minute, sandbox.ReadyLog("listening")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	err = s.Start(context.Background())
	if e, ok := errors.AsType[*sandbox.NotReadyError](err); ok {
		fmt.Println(e)
	}
	// Output: wait for a line with "listening": the program ended: exit status 1: no configuration
}

func ExampleSandbox_WaitFor() {
	ctx := context.Background()
	s, err := sandbox.New(sandbox.WithRestart(sandbox.RestartAlways()), sandbox.WithCommand("cat"), sandbox.WithStdin(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	res, err := s.WaitFor(ctx, sandbox.WaitNextExit)
	fmt.Println(res.ExitCode, err)
	// Output: 0 <nil>
}
