package policy

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// rulesOf maps text to the rule in its one form, or to ! and what is wrong.
var rulesOf = map[string]string{
	"allow tcp *.github.com:443":  "allow tcp *.github.com:443",
	"  allow   TCP x ":            "!neither tcp nor udp",
	"allow 10.0.0.0/8:5432":       "allow 10.0.0.0/8:5432",
	"deny *":                      "deny *",
	"deny udp *:1-1023":           "deny udp *:1-1023",
	"allow Example.COM.":          "allow example.com",
	"allow .example.com":          "allow .example.com",
	"allow xn--bcher-kva.example": "allow xn--bcher-kva.example",
	"allow _dmarc.example.com":    "allow _dmarc.example.com",
	"allow 192.0.2.1":             "allow 192.0.2.1",
	"allow 192.0.2.1/32:80-80":    "allow 192.0.2.1:80",
	"allow [2001:DB8:0::1]:443":   "allow [2001:db8::1]:443",
	"allow [2001:db8::/32]":       "allow [2001:db8::/32]",
	"allow tcp [::/0]:443":        "allow tcp [::/0]:443",
	"allow 0.0.0.0/0":             "allow 0.0.0.0/0",
	"allow localhost:65535":       "allow localhost:65535",
	"":                            "!not of the form",
	"allow":                       "!not of the form",
	"allow tcp x y":               "!not of the form",
	"permit x":                    "!neither allow nor deny",
	"Allow x":                     "!neither allow nor deny",
	"allow icmp x":                "!neither tcp nor udp",
	"allow x:":                    "!no port after",
	"allow x:0":                   "!no number",
	"allow x:080":                 "!no number",
	"allow x:65536":               "!no number",
	"allow x:-1":                  "!no number",
	"allow x:80-":                 "!no number",
	"allow x:90-80":               "!ends before it begins",
	"allow x:80,443":              "!no number",
	"allow x:https":               "!no number",
	"allow ::1":                   "!in brackets",
	"allow 2001:db8::/32":         "!in brackets",
	"allow [2001:db8::1":          "!not closed",
	"allow [2001:db8::1]443":      "!not closed",
	"allow [2001:db8::1]:":        "!not closed",
	"allow [example.com]:443":     "!only IPv6",
	"allow [192.0.2.1]":           "!only IPv6",
	"allow [fe80::1%eth0]":        "!without a zone",
	"allow [::ffff:192.0.2.1]":    "!write an IPv4 address",
	"allow [::ffff:10.0.0.0/104]": "!write an IPv4 address",
	"allow 10.0.0.1/8":            "!write 10.0.0.0/8",
	"allow 10.0.0.0/33":           "!no range",
	"allow 10.0.0.0/":             "!no range",
	"allow example.com/24":        "!no range",
	"allow 10.0.0.256":            "!ends with a number",
	"allow 127.1":                 "!ends with a number",
	"allow 0x7f000001":            "!ends with a number",
	"allow 2130706433":            "!ends with a number",
	"allow *":                     "allow *",
	"allow b\u00fccher.example":   "!ASCII form",
	"allow *.":                    "!empty",
	"allow .":                     "!empty",
	"allow *.*.com":               "!no letter",
	"allow a.*.com":               "!no letter",
	"allow *example.com":          "!no letter",
	"allow example..com":          "!part between two dots",
	"allow example.com..":         "!part between two dots",
	"allow ..example.com":         "!part between two dots",
	"allow -a.com":                "!hyphen",
	"allow a-.com":                "!hyphen",
	"allow a_b@c.com":             "!no letter",
	"allow https://example.com":   "!no number",

	"allow " + strings.Repeat("a", 64):         "!longer than 63",
	"allow " + strings.Repeat("a.", 127):       "allow " + strings.Repeat("a.", 126) + "a",
	"allow " + strings.Repeat("a.", 127) + "a": "!longer than 253",
}

// TestParseRule: each form, and each way to get it wrong.
func TestParseRule(t *testing.T) {
	for text, want := range rulesOf {
		r, err := ParseRule(text)
		if problem, bad := strings.CutPrefix(want, "!"); bad {
			e, ok := errors.AsType[*SyntaxError](err)
			if !ok || !strings.Contains(e.Error(), problem) || r != (Rule{}) {
				t.Errorf("%q: %v, %v; want an error with %q", text, r, err, problem)
			}
			continue
		}
		if err != nil || r.String() != want {
			t.Errorf("%q: %v, %v; want %q", text, r, err, want)
			continue
		}
		if again, err := ParseRule(r.String()); err != nil || again != r {
			t.Errorf("%q: %v becomes %v, %v", text, r, again, err)
		}
	}
}

// TestParse: lines, comments, and all errors at once with their lines.
func TestParse(t *testing.T) {
	rules, err := Parse("# what it needs\n\nallow tcp .github.com:443 # code\r\n\tdeny *\n")
	want := []Rule{{Action: Allow, Protocol: "tcp", Host: ".github.com", Port: 443}, {Action: Deny, Host: "*"}}
	if err != nil || !reflect.DeepEqual(rules, want) {
		t.Errorf("%v, %v", rules, err)
	}
	rules, err = Parse("allow x\nallow\n\ndeny x:0\n")
	if rules != nil || err == nil || !strings.Contains(err.Error(), "line 2:") || !strings.Contains(err.Error(), "line 4:") {
		t.Errorf("%v, %v", rules, err)
	}
	if rules, err := Parse(""); rules != nil || err != nil {
		t.Errorf("%v, %v", rules, err)
	}
}

// TestJSON: a policy is data, and its rules are lines.
func TestJSON(t *testing.T) {
	const text = `{"rules":["allow tcp .github.com:443","deny [2001:db8::/32]"],"private":true}`
	var p Policy
	if err := json.Unmarshal([]byte(text), &p); err != nil || len(p.Rules) != 2 || !p.Private || p.Validate() != nil {
		t.Fatalf("%+v, %v", p, err)
	}
	if b, err := json.Marshal(p); err != nil || string(b) != text {
		t.Errorf("%s, %v", b, err)
	}
	if b, err := json.Marshal(Policy{}); err != nil || string(b) != "{}" {
		t.Errorf("%s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"rules":["allow x","allow x:0"]}`), &p); err == nil {
		t.Error("a rule that is none was read")
	}
	if b, err := json.Marshal(Policy{Rules: []Rule{{}}}); err == nil {
		t.Errorf("a rule that is none was written: %s", b)
	}
}

// TestValidate: each wrong field is named, and all of them at once.
func TestValidate(t *testing.T) {
	p := Policy{Rules: []Rule{
		{Action: "permit", Protocol: "sctp", Host: "a b", Port: 2, LastPort: 1},
		{Action: Allow, Host: "example.com", LastPort: 1},
		{Action: Allow, Host: "127.0.0.1"},
		{Action: Allow, Host: "169.254.169.254"},
		{Action: Allow, Host: "224.0.0.0/4"},
		{Action: Allow, Host: "fe80::1"},
		{Action: Deny, Host: "127.0.0.0/8"},
		{Action: Allow, Host: "10.0.0.0/8"},
		{},
	}}
	err := p.Validate()
	if err == nil {
		t.Fatal("it is valid")
	}
	if _, ok := errors.AsType[*FieldError](err); !ok {
		t.Errorf("%T", err)
	}
	for field := range strings.FieldsSeq("0].action 0].protocol 0].host 0].lastPort 1].lastPort 2].host 3].host 4].host 5].host 8].action 8].host") {
		if !strings.Contains(err.Error(), "rules["+field+" ") {
			t.Errorf("%s is not named in:\n%v", field, err)
		}
	}
	for _, field := range []string{"rules[6]", "rules[7]"} {
		if strings.Contains(err.Error(), field) {
			t.Errorf("%s is named in:\n%v", field, err)
		}
	}
	if d, err := NewDecider(p); d != nil || err == nil {
		t.Error("there is a decider for it")
	}
	p = Policy{Rules: p.Rules[2:4], Loopback: true, LinkLocal: true}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzParseRule: what is read is written and read again as the same.
func FuzzParseRule(f *testing.F) {
	for text := range rulesOf {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("%T", err)
			}
			return
		}
		if err := r.Validate(); err != nil {
			t.Fatalf("%v is read and not valid: %v", r, err)
		}
		if again, err := ParseRule(r.String()); err != nil || again != r {
			t.Fatalf("%#v becomes %#v, %v", r, again, err)
		}
	})
}
