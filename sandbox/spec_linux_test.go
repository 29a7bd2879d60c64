package sandbox

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// fill gives everything that is reachable from v, but for unexported fields, a
// value other than zero.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n % 200))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 2)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n)
			}
		}
	default:
		panic(fmt.Sprintf("a Spec has a %s; teach fill, and clone, about it", v.Kind()))
	}
}

// scramble changes whatever can be reached through pointers and slices.
func scramble(v reflect.Value, reached bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scramble(v.Elem(), true)
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i), true)
		}
	case reflect.Map:
		v.Clear()
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scramble(v.Field(i), reached)
			}
		}
	default:
		if reached {
			v.SetZero()
		}
	}
}

func filledSpec() Spec {
	var s Spec
	n := 0
	fill(reflect.ValueOf(&s).Elem(), &n)
	return s
}

// TestSpecClone: a copy is equal, and shares nothing that can be changed.
func TestSpecClone(t *testing.T) {
	original, want := filledSpec(), filledSpec()
	c := original.clone()
	if !reflect.DeepEqual(c, want) {
		t.Fatalf("the copy is\n%s\nwant\n%s", c, want)
	}
	scramble(reflect.ValueOf(&c).Elem(), false)
	if reflect.DeepEqual(c, want) {
		t.Fatal("nothing was changed, so nothing is tested")
	}
	if !reflect.DeepEqual(original, want) {
		t.Errorf("changes of the copy show in the original:\n%s\nwant\n%s", original, want)
	}
	var zero Spec
	if !reflect.DeepEqual(zero.clone(), zero) {
		t.Error("a copy of the zero Spec is another")
	}
	// Nil means the default, an empty list none; a copy keeps them apart.
	none := Spec{MaskedPaths: []string{}, ReadOnlyPaths: []string{}}
	if c := none.clone(); c.MaskedPaths == nil || c.ReadOnlyPaths == nil {
		t.Error("a copy of empty lists means the default")
	}
}

// TestSpecJSON: every field survives being written and read.
func TestSpecJSON(t *testing.T) {
	for name, s := range map[string]Spec{
		"zero": {}, "filled": filledSpec(), "no masks": {MaskedPaths: []string{}, ReadOnlyPaths: []string{}},
	} {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again Spec
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(again, s) {
			t.Errorf("%s: came back as\n%s\nwant\n%s", name, again, s)
		}
	}
	if b, err := json.Marshal(Spec{Process: ProcessSpec{Command: []string{"true"}}}); err != nil || len(b) > 120 {
		t.Errorf("a Spec of defaults is %s, %v", b, err)
	}
}

// FuzzSpecJSON: whatever is read can be checked, written and read again.
func FuzzSpecJSON(f *testing.F) {
	f.Add(filledSpec().String())
	f.Add(`{"process": {"command": ["true"], "umask": 18}, "seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}`)
	f.Add(`{"mounts": [{"type": "bind", "target": "/\u0000"}], "namespaces": {"net": {"mode": "join"}, "clocks": {}}}`)
	f.Add(`{"maskedPaths": [], "landlock": {"readOnly": [""]}, "stop": {"signal": -1}, "timeout": -5}`)
	f.Fuzz(func(t *testing.T, text string) {
		var s Spec
		if json.Unmarshal([]byte(text), &s) != nil {
			return
		}
		err := s.Validate()
		c := s.clone()
		if again := c.Validate(); fmt.Sprint(again) != fmt.Sprint(err) {
			t.Errorf("of the copy: %v; of the original: %v", again, err)
		}
		if err == nil && (len(s.Process.Command) == 0 || strings.Contains(s.Process.Command[0], "\x00")) {
			t.Errorf("command %q is valid", s.Process.Command)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("write what was read: %v", err)
		}
		var again Spec
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatalf("read what was written: %v", err)
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(b) {
			t.Errorf("%s became %s, %v", b, twice, err)
		}
	})
}
