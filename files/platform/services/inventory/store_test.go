//go:build integration

package inventory

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/outbox/outboxtest"
)

func newStore(t *testing.T, onHand int64) *store {
	t.Helper()
	pool, events := outboxtest.New(t, migrations)
	s := &store{pool: pool, events: events}
	if _, err := s.adjust(t.Context(), "", "A", "main", onHand); err != nil {
		t.Fatal(err)
	}
	return s
}

func expectStock(t *testing.T, s *store, onHand, reserved int64) {
	t.Helper()
	totals, err := s.totals(t.Context(), s.pool, []string{"A"})
	if err != nil || totals[0].OnHand != onHand || totals[0].Reserved != reserved {
		t.Errorf("stock %+v, %v, want %d and %d", totals, err, onHand, reserved)
	}
}

func TestReservationLifecycle(t *testing.T) {
	s := newStore(t, 10)
	order, ctx := uuid.New(), t.Context()
	for range 2 { // every step is idempotent
		if r, err := s.reserve(ctx, order, map[string]int64{"A": 4}, time.Minute); err != nil || r.State != held {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	expectStock(t, s, 10, 4)
	if _, err := s.reserve(ctx, uuid.New(), map[string]int64{"A": 7}, time.Minute); fault.KindOf(err) != fault.Precondition {
		t.Errorf("more than available: %v", err)
	}
	for range 2 {
		if r, err := s.commit(ctx, order); err != nil || r.State != committed {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	expectStock(t, s, 6, 0)
	for range 2 {
		if r, err := s.release(ctx, order, "cancelled"); err != nil || r.State != released {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	expectStock(t, s, 10, 0)
	if _, err := s.commit(ctx, order); fault.KindOf(err) != fault.Precondition {
		t.Errorf("commit after release: %v", err)
	}
}

func TestReleaseBeforeReserve(t *testing.T) {
	s := newStore(t, 10)
	order := uuid.New()
	if _, err := s.release(t.Context(), order, "cancelled"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.reserve(t.Context(), order, map[string]int64{"A": 1}, time.Minute); fault.KindOf(err) != fault.Precondition {
		t.Errorf("reserve after release: %v", err)
	}
	expectStock(t, s, 10, 0)
}

func TestExpiry(t *testing.T) {
	s := newStore(t, 10)
	order := uuid.New()
	if _, err := s.reserve(t.Context(), order, map[string]int64{"A": 4}, -time.Second); err != nil {
		t.Fatal(err)
	}
	if n, err := s.expire(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	expectStock(t, s, 10, 0)
	if _, err := s.commit(t.Context(), order); fault.KindOf(err) != fault.Precondition {
		t.Errorf("commit after expiry: %v", err)
	}
}

func TestConcurrentReservationsDoNotOversell(t *testing.T) {
	s := newStore(t, 10)
	var reserved atomic.Int32
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			_, err := s.reserve(t.Context(), uuid.New(), map[string]int64{"A": 1}, time.Minute)
			if err == nil {
				reserved.Add(1)
			} else if fault.KindOf(err) != fault.Precondition {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if reserved.Load() != 10 {
		t.Errorf("%d of 10 pieces reserved", reserved.Load())
	}
	expectStock(t, s, 10, 10)
}

func TestAdjustChecks(t *testing.T) {
	s := newStore(t, 1)
	if _, err := s.adjust(t.Context(), "t1", "A", "main", 5); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another tenant's SKU: %v", err)
	}
	if _, err := s.adjust(t.Context(), "", "A", "main", -2); fault.KindOf(err) != fault.Precondition {
		t.Errorf("below zero: %v", err)
	}
	if _, err := s.adjust(t.Context(), "", "A", "moon", 1); fault.KindOf(err) != fault.NotFound {
		t.Errorf("unknown warehouse: %v", err)
	}
	var faultErr *fault.Error
	if _, err := s.adjust(t.Context(), "t1", "B", "main", 5); !errors.As(err, &faultErr) {
		t.Errorf("unknown SKU: %v", err)
	}
}
