package image

import (
	"reflect"
	"testing"
	"time"
)

func TestMerge(t *testing.T) {
	five, six := 5, 6
	whole := func() RunConfig {
		return RunConfig{
			User: "www", ExposedPorts: ports("80/tcp"), Env: []string{"PATH=/bin", "A=image", "B=image"}, Entrypoint: []string{"entry"},
			Cmd: []string{"cmd"}, Volumes: ports("/data"), WorkingDir: "/srv", Labels: map[string]string{"a": "image", "b": "image"},
			StopSignal: "INT", Healthcheck: &Healthcheck{Test: []string{"CMD", "x"}, Interval: time.Second, Timeout: 2 * time.Second, Retries: 3},
			OnBuild: []string{"RUN x"}, Shell: []string{"/bin/bash", "-c"}, StopTimeout: &five,
		}
	}
	for what, c := range map[string]struct {
		user RunConfig
		want func(c *RunConfig) // what differs from the image
	}{
		"nothing": {RunConfig{}, func(*RunConfig) {}},
		"simple fields": {RunConfig{User: "root", WorkingDir: "/", StopSignal: "9", Shell: []string{"sh"}, StopTimeout: &six}, func(c *RunConfig) {
			c.User, c.WorkingDir, c.StopSignal, c.Shell, c.StopTimeout = "root", "/", "9", []string{"sh"}, &six
		}},
		"union": {RunConfig{ExposedPorts: ports("80/tcp", "1/udp"), Volumes: ports("/v"), Labels: map[string]string{"b": "user", "c": "user"}}, func(c *RunConfig) {
			c.ExposedPorts, c.Volumes = ports("80/tcp", "1/udp"), ports("/v", "/data")
			c.Labels = map[string]string{"a": "image", "b": "user", "c": "user"}
		}},
		"environment": {RunConfig{Env: []string{"C=user", "A=user", "PATH"}}, func(c *RunConfig) {
			c.Env = []string{"C=user", "A=user", "PATH", "B=image"}
		}},
		"command":              {RunConfig{Cmd: []string{"x"}}, func(c *RunConfig) { c.Cmd = []string{"x"} }},
		"entry point":          {RunConfig{Entrypoint: []string{"e"}}, func(c *RunConfig) { c.Entrypoint, c.Cmd = []string{"e"}, nil }},
		"entry point, command": {RunConfig{Entrypoint: []string{"e"}, Cmd: []string{"x"}}, func(c *RunConfig) { c.Entrypoint, c.Cmd = []string{"e"}, []string{"x"} }},
		"no entry point":       {RunConfig{Entrypoint: []string{""}}, func(c *RunConfig) { c.Entrypoint, c.Cmd = nil, nil }},
		"only a command":       {RunConfig{Entrypoint: []string{""}, Cmd: []string{"x"}}, func(c *RunConfig) { c.Entrypoint, c.Cmd = nil, []string{"x"} }},
		"empty entry point":    {RunConfig{Entrypoint: []string{}}, func(c *RunConfig) { c.Entrypoint = []string{} }},
		"health check": {RunConfig{Healthcheck: &Healthcheck{Timeout: 9, StartPeriod: 7}}, func(c *RunConfig) {
			c.Healthcheck.Timeout, c.Healthcheck.StartPeriod = 9, 7
		}},
		"no health check": {RunConfig{Healthcheck: &Healthcheck{Test: []string{"NONE"}}}, func(c *RunConfig) { c.Healthcheck.Test = []string{"NONE"} }},
	} {
		img, want, user := whole(), whole(), c.user.clone()
		want.OnBuild = nil
		c.want(&want)
		got := img.Merge(user)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", what, got, want)
		}
		if !reflect.DeepEqual(img, whole()) || !reflect.DeepEqual(user, c.user) {
			t.Errorf("%s: the sources were changed", what)
		}
	}
}

// TestMergeOfNothing: an image that says nothing leaves the user's alone.
func TestMergeOfNothing(t *testing.T) {
	user := RunConfig{
		Entrypoint: []string{"e"}, Env: []string{"A=1"}, Labels: map[string]string{"a": "b"},
		Healthcheck: &Healthcheck{Test: []string{"CMD", "x"}}, OnBuild: []string{"RUN y"},
	}
	got := RunConfig{}.Merge(user)
	if !reflect.DeepEqual(got, user) {
		t.Errorf("%+v", got)
	}
	got.Env[0], got.Labels["a"], got.Healthcheck.Test[0] = "x", "x", "x"
	if user.Env[0] != "A=1" || user.Labels["a"] != "b" || user.Healthcheck.Test[0] != "CMD" {
		t.Error("the result shares something with the user's configuration")
	}
}
