package sandbox

import "strings"

// defaultPath is Docker's.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environ completes an environment: of each key the last value stays, where
// the first one stood, and defaults are added for missing keys.
func environ(given []string, defaults ...string) []string {
	at := make(map[string]int, len(given)+len(defaults))
	env := make([]string, 0, len(given)+len(defaults))
	for _, kv := range append(defaults, given...) {
		key, _, _ := strings.Cut(kv, "=")
		if i, ok := at[key]; ok {
			env[i] = kv
			continue
		}
		at[key] = len(env)
		env = append(env, kv)
	}
	return env
}

func lookupEnv(env []string, key string) string {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, key+"="); ok {
			return v
		}
	}
	return ""
}
