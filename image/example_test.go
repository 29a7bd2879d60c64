package image_test

import (
	"errors"
	"fmt"

	"github.com/sandkit/sandkit/image"
)

func ExampleParseRef() {
	r, err := image.ParseRef("busybox")
	fmt.Println(r, r.Registry(), r.Repository(), r.Familiar(), err)
	_, err = image.ParseRef("Busybox")
	fmt.Println(err)
	// Output:
	// docker.io/library/busybox:latest docker.io library/busybox busybox:latest <nil>
	// parse image reference "Busybox": invalid reference format: repository name (library/Busybox) must be lowercase
}

func ExamplePlatform_Runs() {
	host := image.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}
	for _, made := range []string{"linux/arm/v6", "linux/arm/v7", "linux/arm64"} {
		p, err := image.ParsePlatform(made)
		fmt.Println(p, host.Runs(p), err)
	}
	// Output:
	// linux/arm/v6 true <nil>
	// linux/arm/v7 true <nil>
	// linux/arm64 false <nil>
}

func ExampleIndex_Select() {
	x := &image.Index{SchemaVersion: 2}
	_, err := x.Select(image.Platform{OS: "linux", Architecture: "amd64"})
	fmt.Println(err, errors.Is(err, image.ErrNoPlatform))
	// Output: no image for platform linux/amd64 true
}

func ExampleApplyChanges() {
	c := image.RunConfig{Env: []string{"PATH=/bin"}, Cmd: []string{"sh"}}
	err := image.ApplyChanges(&c, []string{`ENV PATH=/app:$PATH MODE="a b"`, `ENTRYPOINT ["/app/run"]`, "EXPOSE 80"})
	fmt.Printf("%q %q %q %v %v\n", c.Env, c.Entrypoint, c.Cmd, c.ExposedPorts, err)
	err = image.ApplyChanges(&c, []string{"RUN make"})
	fmt.Println(errors.Is(err, image.ErrInvalid))
	// Output:
	// ["PATH=/app:/bin" "MODE=a b"] ["/app/run"] [] map[80/tcp:{}] <nil>
	// true
}

func ExampleRunConfig_Merge() {
	img := image.RunConfig{Entrypoint: []string{"python"}, Cmd: []string{"-i"}, Env: []string{"LANG=C", "HOME=/"}}
	c := img.Merge(image.RunConfig{Cmd: []string{"app.py"}, Env: []string{"HOME=/root"}})
	fmt.Println(c.Entrypoint, c.Cmd, c.Env)
	// Output: [python] [app.py] [HOME=/root LANG=C]
}
