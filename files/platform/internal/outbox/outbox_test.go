//go:build integration

package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/logging"
	"cloudlab.example/platform/internal/pg/pgtest"
)

// fakeBroker records the published events by key; it can be unavailable.
type fakeBroker struct {
	mu          sync.Mutex
	unavailable bool
	types       map[string][]string
	last        kafka.Event
}

func (b *fakeBroker) Publish(_ context.Context, events ...kafka.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.unavailable {
		return fault.New(fault.Unavailable, "unavailable")
	}
	for _, e := range events {
		b.types[e.Key] = append(b.types[e.Key], e.Type)
		b.last = e
	}
	return nil
}

func (b *fakeBroker) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, types := range b.types {
		n += len(types)
	}
	return n
}

func (b *fakeBroker) set(unavailable bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unavailable = unavailable
}

func emit(ctx context.Context, o *Outbox, kind, key string) error {
	return o.Tx(ctx, func(tx *Tx) error {
		return tx.Emit(ctx, kafka.OrderEvents, kind, key, "t1", map[string]int{"n": 1})
	})
}

func TestTwoRelaysKeepOrderPerAggregate(t *testing.T) {
	pool := pgtest.New(t, Migrations)
	b := &fakeBroker{types: map[string][]string{}}
	ctx := logging.WithRequestID(t.Context(), "r-1")
	relays := []*Outbox{newOutbox(pool, b), newOutbox(pool, b)}
	b.set(true)
	var want []string
	for i := range 20 {
		kind := fmt.Sprintf("step-%02d", i)
		want = append(want, kind)
		for key := range 5 {
			if err := emit(ctx, relays[0], kind, fmt.Sprint(key)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := relays[0].publishBatch(ctx); err == nil {
		t.Fatal("no error although the broker is unavailable")
	}
	b.set(false)
	stop, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, relay := range relays {
		running.Go(func() { _ = relay.relay(stop) })
	}
	for deadline := time.Now().Add(20 * time.Second); b.count() < 100 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	running.Wait()
	for key := range 5 {
		if got := b.types[fmt.Sprint(key)]; !slices.Equal(got, want) {
			t.Errorf("aggregate %d: %v", key, got)
		}
	}
	if b.last.Headers[logging.RequestIDHeader] != "r-1" || b.last.Tenant != "t1" || string(b.last.Data) != `{"n": 1}` {
		t.Errorf("event %+v", b.last)
	}
}

// publisherFunc is a function as a Publisher.
type publisherFunc func(ctx context.Context, events ...kafka.Event) error

func (p publisherFunc) Publish(ctx context.Context, events ...kafka.Event) error {
	return p(ctx, events...)
}

// TestConcurrentRelaysKeepOrder runs a second relay while the first one publishes; one batch cannot hold all events.
func TestConcurrentRelaysKeepOrder(t *testing.T) {
	pool := pgtest.New(t, Migrations)
	second := newOutbox(pool, &fakeBroker{types: map[string][]string{}})
	first := newOutbox(pool, publisherFunc(func(ctx context.Context, _ ...kafka.Event) error {
		if sent, err := second.publishBatch(ctx); sent != 0 || err != nil {
			t.Errorf("%d events published before older ones: %v", sent, err)
		}
		return nil
	}))
	err := first.Tx(t.Context(), func(tx *Tx) error {
		for range batchSize + 1 {
			if err := tx.Emit(t.Context(), kafka.OrderEvents, "x", "1", "t1", nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if sent, err := first.publishBatch(t.Context()); sent == 0 || err != nil {
		t.Errorf("sent %d, %v", sent, err)
	}
}

func TestRollbackEmitsNothing(t *testing.T) {
	pool := pgtest.New(t, Migrations)
	b := &fakeBroker{types: map[string][]string{}}
	o := newOutbox(pool, b)
	failed := o.Tx(t.Context(), func(tx *Tx) error {
		if err := tx.Emit(t.Context(), kafka.OrderEvents, "x", "1", "t1", nil); err != nil {
			return err
		}
		return errors.New("change failed")
	})
	if failed == nil {
		t.Fatal("no error")
	}
	if sent, err := o.publishBatch(t.Context()); sent != 0 || err != nil {
		t.Errorf("sent %d, %v", sent, err)
	}
}

func TestOnce(t *testing.T) {
	pool := pgtest.New(t, Migrations)
	o := newOutbox(pool, &fakeBroker{})
	event := kafka.Event{ID: uuid.New()}
	done := 0
	do := func(*Tx) error { done++; return nil }
	if err := o.Once(t.Context(), event, func(*Tx) error { return errors.New("first attempt fails") }); err == nil {
		t.Fatal("no error")
	}
	for range 3 {
		if err := o.Once(t.Context(), event, do); err != nil {
			t.Fatal(err)
		}
	}
	if done != 1 {
		t.Errorf("handled %d times", done)
	}
}
