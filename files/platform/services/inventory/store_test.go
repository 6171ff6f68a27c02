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
	"cloudlab.example/platform/internal/outbox"
	"cloudlab.example/platform/internal/pg"
	"cloudlab.example/platform/internal/pg/pgtest"
)

func newStore(t *testing.T, onHand int64) *store {
	t.Helper()
	pool := pgtest.New(t, outbox.Migrations, pg.Migrations{Files: migrations})
	s := &store{pool: pool, events: outbox.NewDetached(pool)}
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

func TestReservationLife(t *testing.T) {
	s := newStore(t, 10)
	order, ctx := uuid.New(), t.Context()
	for range 2 { // every step twice: a repetition changes nothing
		if r, err := s.reserve(ctx, order, map[string]int64{"A": 4}, time.Minute); err != nil || r.State != held {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	expectStock(t, s, 10, 4)
	if _, err := s.reserve(ctx, uuid.New(), map[string]int64{"A": 7}, time.Minute); fault.KindOf(err) != fault.Precondition {
		t.Errorf("more than there is: %v", err)
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
	if _, err := s.release(t.Context(), order, "given up"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.reserve(t.Context(), order, map[string]int64{"A": 1}, time.Minute); fault.KindOf(err) != fault.Precondition {
		t.Errorf("a reservation that comes late: %v", err)
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

func TestConcurrentOrdersNeverOversell(t *testing.T) {
	s := newStore(t, 10)
	var won atomic.Int32
	var running sync.WaitGroup
	for range 30 {
		running.Go(func() {
			_, err := s.reserve(t.Context(), uuid.New(), map[string]int64{"A": 1}, time.Minute)
			if err == nil {
				won.Add(1)
			} else if fault.KindOf(err) != fault.Precondition {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if won.Load() != 10 {
		t.Errorf("%d of 10 pieces sold", won.Load())
	}
	expectStock(t, s, 10, 10)
}

func TestStockBelongsToTenants(t *testing.T) {
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
	var own *fault.Error
	if _, err := s.adjust(t.Context(), "t1", "B", "main", 5); !errors.As(err, &own) {
		t.Errorf("unknown SKU: %v", err)
	}
}
