package logs

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func encode(t testing.TB, e Entry) string {
	t.Helper()
	b, err := (&encoder{}).appendRecord(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRecord(t *testing.T) {
	at := time.Date(2024, 2, 3, 4, 5, 6, 78_900_000, time.FixedZone("", 3600))
	for _, c := range []struct {
		e    Entry
		want string
	}{
		{Entry{at, Stdout, []byte("a\n"), false}, `{"log":"a\n","stream":"stdout","time":"2024-02-03T03:05:06.0789Z"}`},
		{Entry{at, Stdout, []byte("a"), false}, `{"log":"a\n","stream":"stdout","time":"2024-02-03T03:05:06.0789Z"}`},
		{Entry{at, Stderr, []byte("a"), true}, `{"log":"a","stream":"stderr","time":"2024-02-03T03:05:06.0789Z"}`},
		{Entry{time.Unix(0, 0), Stdout, []byte("\n"), false}, `{"log":"\n","stream":"stdout","time":"1970-01-01T00:00:00Z"}`},
		{Entry{time.Unix(0, 1), Stdout, nil, true}, `{"stream":"stdout","time":"1970-01-01T00:00:00.000000001Z"}`},
		{
			Entry{time.Unix(0, 0), Stdout, []byte("\"\\<>&\x00\t\b\f\r\x1b\x7f\xff€\u2028\u2029\xe2\x82\n"), false},
			`{"log":"\"\\\u003c\u003e\u0026\u0000\u0009\u0008\u000c\r\u001b` + "\x7f" + `\ufffd€\u2028\u2029\ufffd\ufffd\n","stream":"stdout","time":"1970-01-01T00:00:00Z"}`,
		},
	} {
		if got := encode(t, c.e); got != c.want+"\n" {
			t.Errorf("%v:\n%s\n%s", c.e, got, c.want)
		}
	}
	for _, bad := range []time.Time{time.Unix(1<<40, 0), time.Unix(-1<<40, 0)} {
		enc := &encoder{}
		if b, err := enc.appendRecord([]byte("x"), &Entry{Time: bad}); err == nil || string(b) != "x" {
			t.Errorf("%v: %q, %v", bad, b, err)
		}
	}
}

// TestEncoderTime: the text that is kept is that of the right second.
func TestEncoderTime(t *testing.T) {
	var enc encoder
	for _, ns := range []int64{0, 1, 999999999, 1e9, 1e9 + 10, -1, 0, 1700000000123456789, -62135596800e9 / 1000} {
		at := time.Unix(0, ns)
		got, err := enc.appendTime(nil, at)
		if want := at.UTC().Format(time.RFC3339Nano); err != nil || string(got) != want {
			t.Errorf("%s, want %s; %v", got, want, err)
		}
	}
}

func TestDecode(t *testing.T) {
	zero := time.Unix(0, 0).UTC()
	const stamp = `"time":"1970-01-01T00:00:00Z"}`
	for in, want := range map[string]Entry{
		`{"log":"a\n","stream":"stdout",` + stamp:                           {zero, Stdout, []byte("a\n"), false},
		`{"log":"a","stream":"stderr",` + stamp:                             {zero, Stderr, []byte("a"), true},
		`{"stream":"stdout",` + stamp:                                       {zero, Stdout, nil, true},
		`{"log":"a\n","stream":"stdout","attrs":{"tag":"x"},` + stamp:       {zero, Stdout, []byte("a\n"), false},
		`{"log":"\ud83d\ude00\/\t\u00e9\n","stream":"stdout",` + stamp:      {zero, Stdout, []byte("😀/\té\n"), false},
		`{"log":"\\\"\\","stream":"stdout",` + stamp:                        {zero, Stdout, []byte(`\"\`), true},
		` { "time":"1970-01-01T01:00:00+01:00", "log":"a\n", "stream":"s"}`: {zero, "s", []byte("a\n"), false},
	} {
		e, err := decodeRecord([]byte(in))
		if err != nil || e.Time != want.Time || e.Stream != want.Stream || !bytes.Equal(e.Line, want.Line) || e.Partial != want.Partial {
			t.Errorf("%s: %v %v, %v", in, e, e.Partial, err)
		}
	}
	whole := `{"log":"a\n","stream":"stdout",` + stamp
	bad := []string{"", "null", "{}", "[]", "\x00\x00", whole + whole, `{"log":"a","stream":"stdout","time":"yesterday"}`, `{"log":"a` + "\n" + `","stream":"stdout",` + stamp}
	for i := range whole {
		bad = append(bad, whole[:i])
	}
	for _, in := range bad {
		if e, err := decodeRecord([]byte(in)); err == nil {
			t.Errorf("%q: %v", in, e)
		}
	}
}

// FuzzEncode: the line is what encoding/json makes of it, but for three control
// characters that Docker writes by number.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("a\n"), int64(0))
	f.Add([]byte("\\b \\\b\f\t<\xff\u2028\\u0008"), int64(1))
	f.Fuzz(func(t *testing.T, line []byte, ns int64) {
		type record struct {
			Log    string    `json:"log,omitempty"`
			Stream Stream    `json:"stream"`
			Time   time.Time `json:"time"`
		}
		e := Entry{Time: time.Unix(0, ns), Stream: Stderr, Line: line, Partial: true}
		want, err := json.Marshal(record{string(line), Stderr, e.Time.UTC()})
		if err != nil {
			t.Fatal(err)
		}
		var fixed strings.Builder
		for i := 0; i < len(want); i++ {
			if want[i] == '\\' {
				i++
				switch want[i] {
				case 'b':
					fixed.WriteString(`\u0008`)
				case 'f':
					fixed.WriteString(`\u000c`)
				case 't':
					fixed.WriteString(`\u0009`)
				default:
					fixed.Write(want[i-1 : i+1])
				}
				continue
			}
			fixed.WriteByte(want[i])
		}
		got := encode(t, e)
		if got != fixed.String()+"\n" {
			t.Errorf("%s, want %s", got, &fixed)
		}
		back, ok := decodeUsual([]byte(strings.TrimSuffix(got, "\n")))
		if valid := strings.ToValidUTF8(string(line), "\x00"); !strings.Contains(valid, "\x00") && len(line) > 0 &&
			(!ok || !bytes.Equal(back.Line, line) || !back.Time.Equal(e.Time) || back.Stream != Stderr) {
			t.Errorf("%q came back as %v, %v", line, back, ok)
		}
	})
}

// FuzzDecode: the fast way finds what the slow one does.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"log":"a\n","stream":"stdout","time":"1970-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"log":"\\\"\u00e9\/\t","stream":"stderr","time":"1970-01-01T00:00:00.5+01:00"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		fast, ok := decodeUsual(line)
		if !ok {
			_, _ = decodeRecord(line)
			return
		}
		slow, err := decodeAny(line)
		if err != nil || !bytes.Equal(fast.Line, slow.Line) || !fast.Time.Equal(slow.Time) || fast.Stream != slow.Stream || fast.Partial != slow.Partial {
			t.Errorf("%s: %v, but %v, %v", line, fast, slow, err)
		}
	})
}
