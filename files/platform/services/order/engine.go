package order

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"cloudlab.example/platform/internal/tracing"
)

const (
	sagaWorkers  = 4
	pollInterval = time.Second     // finds orders whose process died, or whose next attempt is due
	stepTimeout  = 4 * time.Second // per call, including retries
)

// engine runs the sagas of unfinished orders. A new order runs at once; after a crash, any replica finds it by polling.
type engine struct {
	store        *store
	participants participants
	queue        chan uuid.UUID

	mu       sync.Mutex
	watchers map[uuid.UUID][]chan struct{} // closed when the order is finished
}

func newEngine(store *store, participants participants) *engine {
	return &engine{store: store, participants: participants, queue: make(chan uuid.UUID, 1024), watchers: map[uuid.UUID][]chan struct{}{}}
}

// enqueue schedules an order. If the queue is full, polling finds the order.
func (e *engine) enqueue(id uuid.UUID) {
	select {
	case e.queue <- id:
	default:
	}
}

// run processes orders until the context ends.
func (e *engine) run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range sagaWorkers {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case id := <-e.queue:
					e.process(ctx, id)
				}
			}
		})
	}
	workers.Go(func() { e.poll(ctx) })
	workers.Wait()
	return nil
}

func (e *engine) poll(ctx context.Context) {
	for {
		due, err := e.store.due(ctx)
		if err != nil && ctx.Err() == nil {
			slog.Warn("querying unfinished orders failed", "error", err)
		}
		for _, id := range due {
			e.enqueue(id)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pollInterval):
		}
	}
}

// process runs the steps of an order until it is finished or must wait.
func (e *engine) process(ctx context.Context, id uuid.UUID) {
	for ctx.Err() == nil {
		next, err := e.store.advance(ctx, id, e.attempt)
		if err != nil {
			slog.WarnContext(ctx, "saga step failed, retrying", "order_id", id.String(), "error", err)
			return // polling finds it again
		}
		if next.final {
			e.notifyWatchers(id)
		}
		if !next.ready {
			if next.wait > 0 {
				time.AfterFunc(next.wait, func() { e.enqueue(id) })
			}
			return
		}
	}
}

// attempt runs one step as part of the trace of the request that placed the order.
func (e *engine) attempt(ctx context.Context, o order) outcome {
	ctx, cancel := context.WithTimeout(tracing.FromHeaders(ctx, o.headers), stepTimeout)
	defer cancel()
	ctx, span := tracing.Start(ctx, "saga "+string(o.State), trace.SpanKindInternal,
		attribute.String("order.id", o.ID.String()))
	defer span.End()
	start := time.Now()
	out := step(ctx, e.participants, o, time.Now())
	level := slog.LevelInfo
	if out.next == o.State {
		level = slog.LevelWarn
	}
	slog.Log(ctx, level, "saga", "order_id", o.ID.String(), "from", string(o.State), "to", string(out.next),
		"reason", out.reason, "attempt", o.attempts+1, "duration_ms", float64(time.Since(start).Microseconds())/1000)
	return out
}

// watch returns a channel that is closed when this process finishes the order, and a function that stops watching.
func (e *engine) watch(id uuid.UUID) (<-chan struct{}, func()) {
	done := make(chan struct{})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.watchers[id] = append(e.watchers[id], done)
	return done, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.watchers, id)
	}
}

func (e *engine) notifyWatchers(id uuid.UUID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, done := range e.watchers[id] {
		close(done)
	}
	delete(e.watchers, id)
}
