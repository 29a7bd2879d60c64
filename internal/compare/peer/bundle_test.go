package peer

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAdapt: the rest of a specification stays as the runtime wrote it.
func TestAdapt(t *testing.T) {
	const given = `{"process": {"terminal": true, "args": ["sh"], "cwd": "/"}, "root": {"path": "rootfs", "readonly": true},
		"linux": {"resources": {"devices": []}, "maskedPaths": ["/proc/keys"]}}`
	for _, c := range []struct {
		resources map[string]any
		want      string
	}{
		{nil, `{"devices": []}`},
		{Resources(), `{"memory": {"limit": 67108864, "swap": 67108864}, "cpu": {"quota": 100000, "period": 100000}, "pids": {"limit": 100}}`},
	} {
		b, err := adapt([]byte(given), "/r", "/bin/true", c.resources)
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(`{"process": {"terminal": false, "args": ["/bin/true"], "cwd": "/"},
			"root": {"path": "/r", "readonly": true}, "linux": {"resources": `+c.want+`, "maskedPaths": ["/proc/keys"]}}`), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	for _, bad := range []string{"", "{}", `{"process": {}, "root": []}`} {
		if _, err := adapt([]byte(bad), "/r", "/bin/true", nil); err == nil {
			t.Errorf("%q passes as a specification", bad)
		}
	}
}

// TestWorker: a worker answers each order, and one that ends is an error.
func TestWorker(t *testing.T) {
	w, err := StartWorker("sh", "-c", "while dd bs=1 count=1 2>/dev/null | grep -q x; do echo 1500; done")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if d, err := w.Run(); err != nil || d != 1500 {
			t.Errorf("a run took %v, %v", d, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := w.Run(); err == nil {
		t.Error("a closed worker runs")
	}
	if _, err := StartWorker("/nonexistent"); err == nil {
		t.Error("a worker that does not exist starts")
	}
}
