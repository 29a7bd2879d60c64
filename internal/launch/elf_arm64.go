package launch

import _ "embed"

//go:embed launcher_arm64.elf
var launcherELF []byte
