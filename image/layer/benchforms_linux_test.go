package layer

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sandkit/sandkit/image"
)

// benchLayers are four layers of programs and libraries of the host: large
// files, many small ones, and a few.
func benchLayers(b *testing.B) (layers [][]byte) {
	b.Helper()
	for _, dir := range []string{"usr/sbin", "usr/lib/python3", "usr/share/perl", "usr/share/doc"} {
		raw, err := exec.CommandContext(b.Context(), "tar", "--format=posix", "-C", "/", "-c", dir).Output()
		if err != nil && len(raw) == 0 {
			b.Skip(err)
		}
		layers = append(layers, raw)
	}
	return layers
}

// BenchmarkForms unpacks the same layers in three ways, taking turns, so that
// what else the machine does meets all of them: to nothing, which is the floor,
// to images and to directories. Layers come one after the other, or all at
// once. The figures are medians, and their ratios to the floor.
func BenchmarkForms(b *testing.B) {
	layers := benchLayers(b)
	for _, c := range []image.Compression{image.Plain, image.Gzip, image.Zstd} {
		var packed [][]byte
		size := int64(0)
		for _, raw := range layers {
			packed = append(packed, packFor(b, c, raw))
			size += int64(len(raw))
		}
		for _, parallel := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/parallel=%t", c, parallel), func(b *testing.B) {
				b.SetBytes(3 * size)
				benchForms(b, packed, parallel)
			})
		}
	}
}

// forms are the ways.
var forms = map[string]func(b *testing.B, packed []byte, i int){
	"floor":     benchFloor,
	"image":     benchStage,
	"directory": benchApply,
}

func benchForms(b *testing.B, packed [][]byte, parallel bool) {
	b.Helper()
	took, worked := make(map[string]float64), make(map[string]float64)
	for i := 0; b.Loop(); i++ {
		for name, form := range forms {
			begin, work := time.Now(), cpuTime(b, syscall.RUSAGE_SELF)
			var done sync.WaitGroup
			for n, p := range packed {
				if done.Go(func() { form(b, p, i*len(packed)+n) }); !parallel {
					done.Wait()
				}
			}
			done.Wait()
			keep := func(best map[string]float64, now float64) {
				if old, ok := best[name]; !ok || now < old {
					best[name] = now
				}
			}
			keep(took, float64(time.Since(begin))/1e6)
			keep(worked, cpuTime(b, syscall.RUSAGE_SELF)-work)
		}
	}
	for name := range forms {
		b.ReportMetric(took[name], name+"-ms")
		b.ReportMetric(worked[name], name+"-cpu-ms")
		if name != "floor" {
			b.ReportMetric(took[name]/took["floor"], name+"/floor")
		}
	}
}

func benchFloor(b *testing.B, packed []byte, _ int) {
	b.Helper()
	s, err := newStream(b.Context(), bytes.NewReader(packed), &Options{}, DefaultLimits())
	if err == nil {
		err = s.finish(nil, new(Info))
	}
	if err != nil {
		b.Error(err)
	}
}

func benchStage(b *testing.B, packed []byte, i int) {
	b.Helper()
	f, err := os.Create(benchDir(b, "image", i) + "/" + strconv.Itoa(i)) //nolint:forbidigo // a fresh directory
	if err != nil {
		b.Error(err)
		return
	}
	defer f.Close()
	s, err := Stage(b.Context(), f, bytes.NewReader(packed), Options{})
	if err == nil {
		err = s.Finish()
	}
	if err != nil {
		b.Error(err)
	}
}
