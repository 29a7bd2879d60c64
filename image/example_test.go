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
