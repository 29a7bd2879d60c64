package launch

import _ "embed"

//go:embed launcher_amd64.elf
var launcherELF []byte
