//go:build integration

package order

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/logging"
	"cloudlab.example/platform/internal/outbox/outboxtest"
)

// countingParticipants count calls per order and step, and fail as configured.
type countingParticipants struct {
	mu    sync.Mutex
	calls map[string]int
	fail  func(step string, time int) error
	ids   []string // request ids
}

func (c *countingParticipants) call(ctx context.Context, step string, o order) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[step+o.ID.String()]++
	c.ids = append(c.ids, logging.RequestID(ctx))
	if c.fail == nil {
		return nil
	}
	return c.fail(step, c.calls[step+o.ID.String()])
}

func (c *countingParticipants) Reserve(ctx context.Context, o order) error {
	return c.call(ctx, "reserve", o)
}

func (c *countingParticipants) Commit(ctx context.Context, o order) error {
	return c.call(ctx, "commit", o)
}

func (c *countingParticipants) Refund(ctx context.Context, o order) error {
	return c.call(ctx, "refund", o)
}

func (c *countingParticipants) Release(ctx context.Context, o order) error {
	return c.call(ctx, "release", o)
}

func (c *countingParticipants) Charge(ctx context.Context, o order) (payment, string, error) {
	return paymentApproved, "", c.call(ctx, "charge", o)
}

func testStore(t *testing.T) *store {
	t.Helper()
	pool, events := outboxtest.New(t, migrations)
	return &store{pool: pool, events: events}
}

func placeOrder(t *testing.T, s *store, key, body string) order {
	t.Helper()
	now := time.Now().UTC()
	o := order{
		ID: uuid.Must(uuid.NewV7()), Tenant: "t1", UserID: "u1", Currency: "EUR", Lines: []line{{SKU: "A", Quantity: 1}},
		State: pending, History: []transition{{State: pending, At: now}}, CreatedAt: now, UpdatedAt: now, enteredAt: now, cardToken: "tok",
	}
	if err := s.place(logging.WithRequestID(t.Context(), "r-1"), o, key, []byte(body)); err != nil {
		t.Fatal(err)
	}
	return o
}

func await(t *testing.T, s *store, id uuid.UUID, want state) order {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if o, err := s.get(t.Context(), "", id); err == nil && o.State == want {
			return o
		}
	}
	o, err := s.get(t.Context(), "", id)
	t.Fatalf("%s, %v, want %s", o.State, err, want)
	return o
}

func run(t *testing.T, e *engine) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = e.run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
}

func TestTwoReplicasRunEachStepOnce(t *testing.T) {
	s := testStore(t)
	with := &countingParticipants{calls: map[string]int{}}
	engines := []*engine{newEngine(s, with), newEngine(s, with)}
	var orders []order
	for range 10 {
		orders = append(orders, placeOrder(t, s, "", ""))
	}
	for _, e := range engines { // both find all of them
		for _, o := range orders {
			e.enqueue(o.ID)
		}
		run(t, e)
	}
	for _, o := range orders {
		done := await(t, s, o.ID, confirmed)
		if len(done.History) != 4 {
			t.Errorf("history %+v", done.History)
		}
	}
	with.mu.Lock()
	defer with.mu.Unlock()
	for call, count := range with.calls {
		if count != 1 {
			t.Errorf("%s: %d times", call, count)
		}
	}
	for _, id := range with.ids {
		if id != "r-1" {
			t.Fatalf("request id %q", id)
		}
	}
}

// TestTakeover kills the first engine inside a call; the second one finds the order by polling.
func TestTakeover(t *testing.T) {
	s := testStore(t)
	o := placeOrder(t, s, "", "")
	dying, kill := context.WithCancel(t.Context())
	first := newEngine(s, &countingParticipants{calls: map[string]int{}, fail: func(step string, _ int) error {
		if step == "charge" {
			kill()
			return errors.New("killed")
		}
		return nil
	}})
	first.process(dying, o.ID)
	if got, _ := s.get(t.Context(), "", o.ID); got.State != reserved {
		t.Fatalf("state %s", got.State)
	}
	second := &countingParticipants{calls: map[string]int{}}
	run(t, newEngine(s, second))
	await(t, s, o.ID, confirmed)
	if second.calls["reserve"+o.ID.String()] != 0 {
		t.Error("a completed step was repeated")
	}
}

func TestFailedStepIsRetriedAndWokenByEvent(t *testing.T) {
	s := testStore(t)
	with := &countingParticipants{calls: map[string]int{}, fail: func(step string, time int) error {
		if step == "reserve" && time <= 3 {
			return fault.New(fault.Unavailable, "inventory is unavailable")
		}
		return nil
	}}
	e := newEngine(s, with)
	o := placeOrder(t, s, "", "")
	done, stop := e.watch(o.ID)
	defer stop()
	run(t, e)
	e.enqueue(o.ID)
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		t.Fatal("the watcher was not notified")
	}
	if got := await(t, s, o.ID, confirmed); got.Reason != "" {
		t.Errorf("reason %q of a confirmed order", got.Reason)
	}

	waiting := placeOrder(t, s, "", "")
	if _, err := s.pool.Exec(t.Context(), `UPDATE orders SET next_at = now() + interval '1 hour' WHERE id = $1`, waiting.ID); err != nil {
		t.Fatal(err)
	}
	event := kafka.Event{ID: uuid.New()}
	for _, want := range []bool{true, false} { // once per event
		if ok, err := s.wake(t.Context(), event, waiting.ID); ok != want || err != nil {
			t.Errorf("%v, %v, want %v", ok, err, want)
		}
	}
	await(t, s, waiting.ID, confirmed)
}

func TestIdempotencyKeys(t *testing.T) {
	s := testStore(t)
	first := placeOrder(t, s, "key", "body")
	again := first
	again.ID = uuid.Must(uuid.NewV7())
	var r replay
	if err := s.place(t.Context(), again, "key", []byte("body")); !errors.As(err, &r) || r.id != first.ID {
		t.Errorf("the same request: %v", err)
	}
	if err := s.place(t.Context(), again, "key", []byte("other")); fault.KindOf(err) != fault.Conflict {
		t.Errorf("another request: %v", err)
	}
	again.UserID = "u2"
	if err := s.place(t.Context(), again, "key", []byte("body")); err != nil {
		t.Errorf("another user: %v", err)
	}
}

func TestOnlyOwnersReadAndCancel(t *testing.T) {
	s := testStore(t)
	o := placeOrder(t, s, "", "")
	if _, err := s.get(t.Context(), "another user", o.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("get: %v", err)
	}
	if err := s.cancel(t.Context(), "another user", o.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("cancel: %v", err)
	}
	if err := s.cancel(t.Context(), "u1", o.ID); fault.KindOf(err) != fault.Precondition {
		t.Errorf("cancel before the end: %v", err)
	}
	e := newEngine(s, &countingParticipants{calls: map[string]int{}})
	run(t, e)
	await(t, s, o.ID, confirmed)
	if err := s.cancel(t.Context(), "u1", o.ID); err != nil {
		t.Fatal(err)
	}
	e.enqueue(o.ID)
	if got := await(t, s, o.ID, cancelled); got.Reason != "cancelled by the customer" {
		t.Errorf("reason %q", got.Reason)
	}
}
