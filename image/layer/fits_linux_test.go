package layer

import (
	"os"
	"strings"
	"testing"
)

// TestFits: it knows what settling will change, in either form, and changes
// nothing.
func TestFits(t *testing.T) {
	eachBackEnd(t, func(t *testing.T, b backEnd) {
		fitting, others := 0, 0
		randomStacks(t, 60, 3, func(r randomStack) {
			var stack []*os.File
			for _, items := range r.layers {
				raw := string(archive(t, items...))
				before, err := b.apply(t, strings.NewReader(raw), Options{})
				if err != nil {
					return
				}
				before.finish(t)
				was := contents(t, before.file)
				fits, fitsErr := Fits(before.file, stack, before.info, b.format())
				if now := contents(t, before.file); now != was {
					t.Errorf("Fits has changed\n%s\nto\n%s", was, now)
				}
				l, err := b.apply(t, strings.NewReader(raw), Options{})
				if err != nil {
					t.Fatal(err)
				}
				changed, err := l.settle(stack)
				if err == nil && (fitsErr != nil || fits == changed) || err != nil && fits {
					t.Errorf("seed %d: Fits: %v, %v; Settle: changed %v, %v\n%s", r.seed, fits, fitsErr, changed, err, describe(r.layers))
				}
				if err != nil {
					return
				}
				l.finish(t)
				stack = append(stack, l.file)
				if fits {
					fitting++
				} else {
					others++
				}
			}
		})
		if fitting < 20 || others < 20 {
			t.Errorf("%d fit, %d do not", fitting, others)
		}
	})
}

// TestWhiteoutMeetsDirectory: by way of a link, a layer takes away what it adds
// to.
func TestWhiteoutMeetsDirectory(t *testing.T) {
	eachBackEnd(t, func(t *testing.T, b backEnd) {
		lower := b.unpack(t, string(archive(t, symlink("c", "b"), file("b/c/z", ""))), Options{})
		l, err := b.apply(t, strings.NewReader(string(archive(t, file("c/.wh.c", ""), dir("b/c/b")))), Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.settle([]*os.File{lower.file})
		failed(t, err, ErrConflict)
	})
}
