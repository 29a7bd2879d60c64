package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sandkit/sandkit/image"
)

// helperEnv makes the test binary one of the programs below.
const helperEnv = "SANDKIT_STORE_HELPER"

func TestMain(m *testing.M) {
	if name := os.Getenv(helperEnv); name != "" {
		if err := helpers[name](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var helpers = map[string]func(args []string) error{"die": helperDie, "ingest": helperIngest, "churn": helperChurn}

// dieAt lets the process be killed at a step that changes the disk.
func dieAt(step int) Option {
	return func(s *Store) {
		s.files.fault = func(string, string) error {
			if step--; step < 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
			return nil
		}
	}
}

// helperDie lives through a store's life until the step that kills it.
func helperDie(args []string) error {
	step, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	return wholeLife(context.Background(), args[0], dieAt(step))
}

// wholeLife does with a store all that changes it.
func wholeLife(ctx context.Context, dir string, opts ...Option) error {
	s, err := Open(dir, append(opts, NoSync())...)
	if err != nil {
		return err
	}
	l, err := s.Lease(ctx)
	if err != nil {
		return err
	}
	err = errors.Join(fillLife(ctx, s, l), l.Release())
	if err != nil {
		return err
	}
	if err := s.Untag(ctx, image.Ref{}); !errors.Is(err, image.ErrNotFound) {
		return err
	}
	if _, err := s.Prune(ctx, false); err != nil {
		return err
	}
	if _, err := s.Remove(ctx, "a:2", false); err != nil {
		return err
	}
	_, err = s.Collect(ctx, -1)
	return err
}

func fillLife(ctx context.Context, s *Store, l *Lease) error {
	for _, name := range []string{"a:1", "a:2", "a:1"} { // the last moves, as the author is new
		d, err := addImage(ctx, l, name+strconv.Itoa(rand.Int()), "shared", "of "+name)
		if err != nil {
			return err
		}
		r, err := image.ParseRef(name)
		if err == nil {
			err = l.Tag(ctx, r, d)
		}
		if err != nil {
			return err
		}
	}
	w, err := l.Create(ctx, "a/b")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "some")
	if err == nil {
		_, err = w.Commit(ctx)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	for _, key := range []LayerKey{{"dir", digest.FromString("shared")}, {"dir", digest.FromString("none")}} {
		if err := unpackDir(ctx, l, key); err != nil {
			return err
		}
	}
	_, err = s.Remove(ctx, "a:1", true)
	return err
}

func unpackDir(ctx context.Context, l *Lease, key LayerKey) error {
	u, err := l.Unpack(ctx, key)
	if errors.Is(err, ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	err = os.MkdirAll(u.Path()+"/d", 0o700)
	if err == nil {
		err = os.WriteFile(u.Path()+"/d/complete", nil, 0o600)
	}
	if err == nil {
		_, err = u.Commit(ctx)
	}
	return errors.Join(err, u.Close())
}

// helperIngest adds one blob, slowly, and says whether it was this process.
func helperIngest(args []string) error {
	ctx := context.Background()
	s, err := Open(args[0], NoSync())
	if err != nil {
		return err
	}
	l, err := s.Lease(ctx)
	if err != nil {
		return err
	}
	content := strings.Repeat("content", 1000)
	d := image.Describe("a/b", []byte(content))
	w, err := l.Ingest(ctx, d)
	if errors.Is(err, ErrExists) {
		fmt.Println("exists")
		return l.Release()
	}
	if err != nil {
		return err
	}
	fmt.Println("from", w.Offset())
	for w.Offset() < d.Size {
		if _, err := io.WriteString(w, content[w.Offset():min(w.Offset()+700, d.Size)]); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := w.Commit(ctx); err != nil {
		return err
	}
	return errors.Join(w.Close(), l.Release())
}

// helperChurn uses a store until it is killed, and fails when something that
// it holds is taken away.
func helperChurn(args []string) error {
	ctx := context.Background()
	for {
		s, err := Open(args[0], NoSync())
		if err != nil {
			return err
		}
		if err := churn(ctx, s); err != nil {
			return err
		}
	}
}

func churn(ctx context.Context, s *Store) (err error) {
	l, err := s.Lease(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Release()) }()
	pick := func() string { return strconv.Itoa(rand.IntN(3)) }
	name, layer := "app:"+pick(), "layer "+pick()
	r, err := image.ParseRef(name)
	if err != nil {
		return err
	}
	d, err := addImage(ctx, l, pick(), layer, "other "+pick())
	if err != nil {
		return err
	}
	key := LayerKey{"dir", digest.FromString(layer)}
	err = errors.Join(l.Tag(ctx, r, d), unpackDir(ctx, l, key))
	if err != nil {
		return err
	}
	switch rand.IntN(4) {
	case 0:
		_, err = s.Remove(ctx, "app:"+pick(), true)
	case 1:
		_, err = s.Prune(ctx, rand.IntN(2) == 0)
	case 2:
		_, err = s.Collect(ctx, -1)
	default:
		_, err = s.List(ctx)
	}
	if err != nil && !errors.Is(err, image.ErrNotFound) {
		return err
	}
	return isThere(ctx, s, d, key)
}

// isThere fails unless an image and an unpacked layer are complete.
func isThere(ctx context.Context, s *Store, d image.Descriptor, key LayerKey) error {
	img, err := image.Load(ctx, Verified(s), d)
	if err != nil {
		return err
	}
	for _, layer := range img.Layers() {
		if _, err := image.ReadAll(ctx, s, layer.Descriptor(), 1000); err != nil {
			return err
		}
	}
	path, err := s.Layer(key)
	if err == nil {
		_, err = os.Stat(path + "/d/complete")
	}
	return err
}
