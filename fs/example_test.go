package fs_test

import (
	"fmt"

	"github.com/sandkit/sandkit/fs"
)

func ExampleBind() {
	src := fs.Bind("/srv/project", "/src")
	src.NoExec = true
	fmt.Println(src)

	// Without what is mounted below it.
	conf := fs.BindRO("/etc/app", "/etc/app")
	conf.Flat = true
	fmt.Println(conf)
	// Output:
	// bind /srv/project on /src, no exec
	// bind /etc/app on /etc/app, read-only, flat
}

func ExampleFile() {
	m := fs.File("/etc/app.conf", 0o600, []byte("debug = false\n"))
	m.UID, m.GID = 1000, 1000 // ids inside the sandbox
	fmt.Println(m, m.Validate())
	// Output: file /etc/app.conf (14 bytes) <nil>
}

func ExampleTmpfs() {
	fmt.Println(fs.Tmpfs("/job", 16<<20))
	fmt.Println(fs.Tmpfs("/cache", 0))
	fmt.Println(fs.Tmpfs("cache", 0).Validate())
	// Output:
	// tmpfs /job (16777216 bytes)
	// tmpfs /cache (67108864 bytes)
	// target: path "cache" is not absolute
}

func ExampleRoot() {
	for _, r := range []fs.Root{
		{},
		{Dir: "/srv/root", ScratchSize: 64 << 20},
		{Dir: "/srv/root", Writable: true},
		{Dir: "/srv/root", ReadOnly: true},
	} {
		fmt.Println(r)
	}
	// Output:
	// host tools, copy-on-write (536870912 bytes)
	// /srv/root, copy-on-write (67108864 bytes)
	// /srv/root, writable
	// /srv/root, read-only
}

func ExampleParseVolume() {
	for _, s := range []string{"/srv/data:/data:ro", "cache:/var/cache:nocopy", "/var/tmp"} {
		fmt.Println(fs.ParseVolume(s))
	}
	_, err := fs.ParseVolume("./data:/data")
	fmt.Println(err)
	// Output:
	// bind /srv/data on /data, read-only <nil>
	// volume cache on /var/cache, no copy <nil>
	// anonymous volume on /var/tmp <nil>
	// volume "./data:/data": source "./data" is a relative path, give an absolute one or the name of a volume
}

func ExampleParseMount() {
	m, err := fs.ParseMount("type=tmpfs,target=/run,tmpfs-size=16m")
	fmt.Println(m, err)
	// Output: tmpfs /run (16777216 bytes) <nil>
}
