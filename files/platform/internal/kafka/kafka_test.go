package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/logging"
	"cloudlab.example/platform/internal/tracing"
)

func event(kind, key string) Event {
	return Event{
		ID: uuid.New(), Topic: OrderEvents, Type: kind, Key: key, Tenant: "t1",
		OccurredAt: time.Now().UTC().Truncate(time.Millisecond), Data: []byte(`{"n":1}`),
	}
}

func TestRecordRoundTrip(t *testing.T) {
	sent := event("order.placed", "o1")
	sent.Headers = map[string]string{logging.RequestIDHeader: "r-1"}
	got, err := FromRecord(sent.Record())
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != sent.ID || got.Type != sent.Type || got.Key != sent.Key || got.Tenant != sent.Tenant ||
		!got.OccurredAt.Equal(sent.OccurredAt) || got.Headers[logging.RequestIDHeader] != "r-1" {
		t.Errorf("got %+v, sent %+v", got, sent)
	}
}

func TestOldEventsAreSent(t *testing.T) {
	_, producer := cluster(t)
	old := event("order.placed", "o1")
	old.OccurredAt = time.Now().Add(-time.Hour)
	if err := producer.Publish(t.Context(), old); err != nil {
		t.Error(err)
	}
}

func TestInvalidRecords(t *testing.T) {
	broken := event("order.placed", "o1")
	broken.Data = []byte("{")
	untyped := event("", "o1")
	for name, record := range map[string]*kgo.Record{
		"no headers": {Value: []byte("{}")}, "not JSON": broken.Record(), "no type": untyped.Record(),
	} {
		if _, err := FromRecord(record); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// cluster starts a broker in memory and returns a producer for it.
func cluster(t *testing.T) (config.Kafka, *Producer) {
	t.Helper()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, OrderEvents), kfake.SeedTopics(1, DeadLetters))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	cfg := config.Kafka{Brokers: fake.ListenAddrs()}
	client, err := kgo.NewClient(producerOptions(cfg, "test")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return cfg, &Producer{client}
}

// recorder collects the types of handled events.
type recorder struct {
	mu    sync.Mutex
	types []string
}

func (r *recorder) add(kind string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.types = append(r.types, kind)
	count := 0
	for _, t := range r.types {
		if t == kind {
			count++
		}
	}
	return count
}

func (r *recorder) wait(t *testing.T, enough func([]string) bool) []string {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		types := slices.Clone(r.types)
		r.mu.Unlock()
		if enough(types) {
			return types
		}
	}
	t.Fatalf("timed out after events %v", r.types)
	return nil
}

func consume(t *testing.T, c *Consumer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = c.run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func TestEachRetriesInOrderAndDeadLettersInvalidEvents(t *testing.T) {
	cfg, producer := cluster(t)
	ctx := logging.WithRequestID(t.Context(), "r-5")
	for _, kind := range []string{"first", "flaky", "poison", "last"} { // one key: one partition, in order
		e := event(kind, "o1")
		e.Headers = tracing.Headers(ctx)
		if err := producer.Publish(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	var handled, letters recorder
	c := newConsumer("test", cfg, []string{OrderEvents})
	c.handle = c.handleEach(func(ctx context.Context, e Event) error {
		if logging.RequestID(ctx) != "r-5" {
			t.Errorf("%s: request id %q", e.Type, logging.RequestID(ctx))
		}
		times := handled.add(e.Type)
		switch {
		case e.Type == "flaky" && times < 3:
			return fault.New(fault.Unavailable, "store unavailable")
		case e.Type == "poison":
			return fault.New(fault.Invalid, "invalid")
		}
		return nil
	})
	consume(t, c)
	got := handled.wait(t, func(types []string) bool { return slices.Contains(types, "last") })
	if want := []string{"first", "flaky", "flaky", "flaky", "poison", "last"}; !slices.Equal(got, want) {
		t.Errorf("handled %v, want %v", got, want)
	}

	deadLetters := newConsumer("dead-letters", cfg, []string{DeadLetters})
	deadLetters.handle = deadLetters.handleEach(func(_ context.Context, e Event) error { letters.add(e.Type); return nil })
	consume(t, deadLetters)
	letters.wait(t, func(types []string) bool { return slices.Equal(types, []string{"poison"}) })
}

func TestRepeatedFailuresBecomeDeadLetters(t *testing.T) {
	c := newConsumer("test", config.Kafka{}, nil)
	record := event("buggy", "o1").Record()
	bug := func(context.Context, Event) error { return errors.New("bug") }
	for range maxAttempts - 1 {
		if err := c.handleRecord(t.Context(), record, bug); err == nil {
			t.Fatal("dead letter before the last attempt")
		}
	}
	cfg, producer := cluster(t)
	c.cfg = cfg
	c.client.Store(producer.client)
	if err := c.handleRecord(t.Context(), record, func(context.Context, Event) error { panic("oh") }); err != nil {
		t.Errorf("no dead letter: %v", err)
	}
	if len(c.attempts) != 0 {
		t.Error("the attempts of a dead letter are still counted")
	}
}

func TestBatchCollectsAndRetries(t *testing.T) {
	cfg, producer := cluster(t)
	for i := range 20 {
		if err := producer.Publish(t.Context(), event("n", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	calls, ids := 0, map[uuid.UUID]bool{}
	var handled recorder
	c := newConsumer("test", cfg, []string{OrderEvents})
	c.size, c.maxWait = 50, 200*time.Millisecond
	c.handle = c.handleBatch(func(_ context.Context, events []Event) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == 1 {
			return fault.New(fault.Unavailable, "store unavailable")
		}
		for _, e := range events {
			ids[e.ID] = true
			handled.add(e.Type)
		}
		return nil
	})
	consume(t, c)
	handled.wait(t, func(types []string) bool { return len(types) >= 20 })
	mu.Lock()
	defer mu.Unlock()
	if len(ids) != 20 {
		t.Errorf("%d of 20 events", len(ids))
	}
	if calls > 8 {
		t.Errorf("%d batches for 20 events", calls)
	}
}
