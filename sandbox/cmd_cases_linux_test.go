package sandbox_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// minimalEnv makes the host's command as poor as the sandbox's.
var minimalEnv = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

// cmdCases are what a command does without its context.
func cmdCases() []cmdCase {
	return []cmdCase{
		{name: "output", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			out, err := make(ctx, "echo", "foo bar", "baz").Output()
			j.note("%q", out)
			j.errorOf("Output", err)
		}},
		{name: "cat of stdin", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "cat")
			*c.Stdin = strings.NewReader("Input string\nLine 2")
			out, err := c.Output()
			j.note("%q", out)
			j.ending(c, "Output", err)
		}},
		{name: "no stdin is the null device", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "sh", "-c", "cat; readlink /proc/self/fd/0")
			out, err := c.CombinedOutput()
			j.note("%q", out)
			j.errorOf("CombinedOutput", err)
		}},
		{name: "stdin is a file", run: func(t *testing.T, ctx context.Context, j *journal, make maker) {
			path := filepath.Join(t.TempDir(), "in")
			if err := os.WriteFile(path, []byte("one\ntwo\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			c := make(ctx, "sh", "-c", "read x; echo $x")
			*c.Stdin = f
			out, err := c.Output()
			at, serr := f.Seek(0, io.SeekCurrent) // it is the same open file
			j.note("%q, file at %d, %v", out, at, serr)
			j.errorOf("Output", err)
		}},
		{name: "combined output is in order", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "sh", "-c", "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done; exit 3")
			out, err := c.CombinedOutput()
			j.note("%q", out)
			j.ending(c, "CombinedOutput", err)
		}},
		{name: "same writer that cannot be compared", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			var a bytes.Buffer
			w := incomparable{func(p []byte) (int, error) { return a.Write(p) }}
			c := make(ctx, "sh", "-c", "echo out")
			*c.Stdout, *c.Stderr = w, w
			j.errorOf("Run", c.Run())
			j.note("%q", a.String())
		}},
		{name: "exit codes", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			for _, code := range []int{0, 1, 3, 42, 126, 127, 128, 255} {
				c := make(ctx, "sh", "-c", fmt.Sprint("exit ", code))
				j.ending(c, "Run", c.Run())
			}
		}},
		{name: "signals", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			for _, sig := range []string{"TERM", "KILL", "USR1", "INT", "PIPE"} {
				c := make(ctx, "sh", "-c", "kill -"+sig+" $$; exit 9")
				j.ending(c, "Run", c.Run())
			}
		}},
		{name: "stderr is captured", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			_, err := make(ctx, "sh", "-c", "echo some stderr text >&2; exit 1").Output()
			j.errorOf("Output", err)
			j.note("%q", stderrOf(err))
		}},
		{name: "large stderr is cut", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			_, err := make(ctx, "sh", "-c", "echo first >&2; head -c 200000 /dev/zero >&2; echo last >&2; exit 1").Output()
			b := stderrOf(err)
			j.note("%t %t %t", bytes.HasPrefix(b, []byte("first\n")), bytes.HasSuffix(b, []byte("last\n")), len(b) < 70<<10)
		}},
		{name: "stderr that somebody has is not captured", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "sh", "-c", "echo text >&2; exit 1")
			var b bytes.Buffer
			*c.Stderr = &b
			_, err := c.Output()
			j.errorOf("Output", err)
			j.note("%q %q", b.String(), stderrOf(err))
		}},
		{name: "command that is not there", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "no-such-program-anywhere")
			j.note("%s", c)
			_, err := c.StdinPipe()
			j.errorOf("StdinPipe", err)
			j.errorOf("Run", c.Run())
			j.errorOf("Wait", c.Wait())
		}, host: []string{"Run: executable file not found in $PATH"}, box: []string{"Run: executable file not found in $PATH, file does not exist"}},
		{name: "path that is not there", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			j.errorOf("Run", make(ctx, "/no-such-program-anywhere").Run())
			c := make(ctx, "true")
			*c.Dir = "/no-such-directory"
			j.errorOf("Run", c.Run())
			j.errorOf("Run", make(ctx, "/etc").Run())
		}, host: []string{"Run: file does not exist"}, box: []string{"Run: executable file not found in $PATH, file does not exist"}},
		{name: "misuse", run: cmdMisuse},
		{name: "starting twice leaves pipes open", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "cat")
			in, err := c.StdinPipe()
			j.errorOf("StdinPipe", err)
			out, err := c.StdoutPipe()
			j.errorOf("StdoutPipe", err)
			j.errorOf("Start", c.Start())
			j.errorOf("Start", c.Start())
			_, err = io.WriteString(in, "still open")
			j.errorOf("Write", err)
			j.errorOf("Close", in.Close())
			b, err := io.ReadAll(out)
			j.note("%q", b)
			j.errorOf("ReadAll", err)
			j.ending(c, "Wait", c.Wait())
		}},
		{name: "pipes are closed by Wait", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "true")
			in, _ := c.StdinPipe()
			out, _ := c.StdoutPipe()
			errOut, _ := c.StderrPipe()
			j.errorOf("Run", c.Run())
			_, err := io.WriteString(in, "x")
			j.errorOf("Write", err)
			_, err = out.Read([]byte{0})
			j.errorOf("Read", err)
			j.errorOf("Close", out.Close())
			_, err = errOut.Read([]byte{0})
			j.errorOf("Read", err)
		}},
		{name: "pipes are closed when the start fails", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "true")
			*c.Err = errCustom
			in, _ := c.StdinPipe()
			out, _ := c.StdoutPipe()
			j.errorOf("Start", c.Start())
			_, err := io.WriteString(in, "x")
			j.errorOf("Write", err)
			_, err = out.Read([]byte{0})
			j.errorOf("Read", err)
		}},
		{name: "dialog through pipes", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "sh", "-c", "while read -r x; do echo line:$x; echo err:$x >&2; done; exit 5")
			in, _ := c.StdinPipe()
			out, _ := c.StdoutPipe()
			errOut, _ := c.StderrPipe()
			j.errorOf("Start", c.Start())
			b := [64]byte{}
			for _, line := range []string{"O:one\n", "E:two\n"} {
				_, err := io.WriteString(in, line)
				j.errorOf("Write", err)
				n, err := out.Read(b[:])
				j.note("%q %s", b[:n], class(err))
				n, err = errOut.Read(b[:])
				j.note("%q %s", b[:n], class(err))
			}
			j.errorOf("Close", in.Close())
			j.ending(c, "Wait", c.Wait())
		}},
		{name: "output larger than a pipe", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			out, err := make(ctx, "head", "-c", "3000000", "/dev/zero").Output()
			j.note("%d bytes, %s", len(out), class(err))
			c := make(ctx, "cat")
			*c.Stdin = bytes.NewReader(bytes.Repeat([]byte("0123456789abcde\n"), 100_000))
			out, err = c.Output()
			j.note("%d bytes, %s, %s", len(out), out[len(out)-4:], class(err))
		}},
		{name: "stdin that the command does not read", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			for _, code := range []string{"0", "7"} {
				c := make(ctx, "sh", "-c", "exit "+code)
				*c.Stdin = bytes.NewReader([]byte(strings.Repeat("x", 10<<20)))
				j.ending(c, "Run", c.Run())
			}
		}},
		{name: "stdin that fails", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			for _, code := range []string{"0", "7"} {
				c := make(ctx, "sh", "-c", "cat; exit "+code)
				*c.Stdin = io.MultiReader(strings.NewReader("before"), failing{})
				var b bytes.Buffer
				*c.Stdout = &b
				j.ending(c, "Run", c.Run())
				j.note("%q", b.String())
			}
		}},
		{name: "stdout that fails", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			for _, code := range []string{"0", "7"} {
				c := make(ctx, "sh", "-c", "echo text; exit "+code)
				*c.Stdout = failing{}
				j.ending(c, "Run", c.Run())
			}
		}},
		{name: "extra files", run: func(t *testing.T, ctx context.Context, j *journal, make maker) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			c := make(ctx, "sh", "-c", "echo through four >&4; cat <&3")
			path := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(path, []byte("through three\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			*c.ExtraFiles = []*os.File{f, w}
			out, err := c.CombinedOutput()
			j.note("%q %s", out, class(err))
			w.Close()
			b, err := io.ReadAll(r)
			j.note("%q %s", b, class(err))
		}},
		{name: "environment", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "sh", "-c", `echo "$A|$B|$C|${D-unset}"`)
			*c.Env = append(minimalEnv, "A=1", "B=first", "", "A=2", "C=x=y", "B=last", "A=3")
			j.note("%t", strings.Contains(" "+strings.Join(c.Environ(), " ")+" ", " A=3 ") && !strings.Contains(strings.Join(c.Environ(), " "), "first"))
			out, err := c.Output()
			j.note("%q %s", out, class(err))
			c = make(ctx, "true")
			*c.Env = []string{"A=1\x00B=2"}
			err = c.Run()
			j.note("NUL: %t", err != nil && strings.Contains(err.Error(), "NUL"))
		}},
		{name: "directory", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			for _, env := range [][]string{nil, append(minimalEnv, "PWD=/nowhere"), minimalEnv} {
				c := make(ctx, "cat", "/proc/self/environ")
				*c.Dir, *c.Env = "/bin", env
				out, err := c.Output()
				for kv := range strings.SplitSeq(string(out), "\x00") {
					if strings.HasPrefix(kv, "PWD=") {
						j.note("%s", kv)
					}
				}
				j.errorOf("Output", err)
				c = make(ctx, "./sh", "-c", "pwd")
				*c.Dir, *c.Env = "/bin/", env
				out, err = c.Output()
				j.note("%q %s", out, class(err))
			}
		}},
		{name: "path and first argument", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "/bin/sh", "-c", "cat /proc/$$/cmdline")
			(*c.Args)[0] = "another name"
			out, err := c.Output()
			j.note("%q %s", out, class(err))
			c = make(ctx, "/bin/sh")
			*c.Args = nil
			*c.Stdin = strings.NewReader("cat /proc/$$/cmdline")
			out, err = c.Output()
			j.note("%q %s", out, class(err))
		}},
		{name: "text", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			j.note("%s", make(ctx, "/bin/echo", "a", "b c"))
			j.note("%s", make(ctx, "no-such-program", "-x"))
			c := make(ctx, "/bin/echo", "a")
			(*c.Args)[0], *c.Err = "name", errCustom
			j.note("%s", c)
			j.note("%q", fmt.Sprint(make(ctx, "no-such-program").state()))
		}},
		{name: "signal and kill", run: func(_ *testing.T, ctx context.Context, j *journal, make maker) {
			c := make(ctx, "sh", "-c", "trap 'exit 8' USR1; echo; while :; do read x; done")
			in, _ := c.StdinPipe()
			out, _ := c.StdoutPipe()
			j.errorOf("Start", c.Start())
			_, _ = out.Read([]byte{0})
			j.errorOf("Signal", c.process().Signal(usr1))
			_ = in
			j.ending(c, "Wait", c.Wait())
			j.errorOf("Signal", c.process().Signal(usr1))
			j.errorOf("Kill", c.process().Kill())
			c = make(ctx, "sleep", "1000")
			j.errorOf("Start", c.Start())
			j.errorOf("Kill", c.process().Kill())
			j.ending(c, "Wait", c.Wait())
		}},
	}
}

// cmdMisuse calls methods that do not fit.
func cmdMisuse(_ *testing.T, ctx context.Context, j *journal, make maker) {
	c := make(ctx, "true")
	j.errorOf("Wait without Start", c.Wait())
	*c.Stdin, *c.Stdout, *c.Stderr = strings.NewReader(""), io.Discard, io.Discard
	_, err := c.StdinPipe()
	j.errorOf("StdinPipe", err)
	_, err = c.StdoutPipe()
	j.errorOf("StdoutPipe", err)
	_, err = c.StderrPipe()
	j.errorOf("StderrPipe", err)
	_, err = c.Output()
	j.errorOf("Output", err)
	_, err = c.CombinedOutput()
	j.errorOf("CombinedOutput", err)
	*c.Stdout = nil
	_, err = c.CombinedOutput()
	j.errorOf("CombinedOutput", err)
	*c.Stdin, *c.Stderr = nil, nil
	j.errorOf("Start", c.Start())
	j.errorOf("Start twice", c.Start())
	_, err = c.StdinPipe()
	j.errorOf("StdinPipe", err)
	_, err = c.StdoutPipe()
	j.errorOf("StdoutPipe", err)
	_, err = c.StderrPipe()
	j.errorOf("StderrPipe", err)
	j.ending(c, "Wait", c.Wait())
	j.errorOf("Wait twice", c.Wait())
	j.errorOf("Start after Wait", c.Start())
	c = make(ctx, "")
	*c.Err = nil
	j.errorOf("no command", c.Run())
	c = make(ctx, "true")
	*c.Err = errCustom
	j.errorOf("Err", c.Run())
	j.errorOf("Start after Err", c.Start())
}
