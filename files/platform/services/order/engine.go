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
	pollEvery    = time.Second     // only for orders whose process died, or which wait for their next attempt
	stepDeadline = 4 * time.Second // of a call, its retries included
)

// engine drives unfinished orders. A new one is driven at once; after a crash, any replica finds it by polling.
type engine struct {
	store *store
	with  participants
	queue chan uuid.UUID

	mu      sync.Mutex
	waiting map[uuid.UUID][]chan struct{} // who waits for an order to end
}

func newEngine(store *store, with participants) *engine {
	return &engine{store: store, with: with, queue: make(chan uuid.UUID, 1024), waiting: map[uuid.UUID][]chan struct{}{}}
}

// enqueue asks for an order to be driven soon. A full queue is no harm: polling finds the order.
func (e *engine) enqueue(id uuid.UUID) {
	select {
	case e.queue <- id:
	default:
	}
}

// run works until the context ends.
func (e *engine) run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range sagaWorkers {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case id := <-e.queue:
					e.drive(ctx, id)
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
			slog.Warn("unfinished orders cannot be looked up", "error", err)
		}
		for _, id := range due {
			e.enqueue(id)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pollEvery):
		}
	}
}

// drive takes an order step by step until it is finished or has to wait.
func (e *engine) drive(ctx context.Context, id uuid.UUID) {
	for ctx.Err() == nil {
		next, err := e.store.advance(ctx, id, e.attempt)
		if err != nil {
			slog.WarnContext(ctx, "saga interrupted", "order_id", id.String(), "error", err)
			return // polling comes back to it
		}
		if next.final {
			e.announce(id)
		}
		if !next.goOn {
			if next.wait > 0 {
				time.AfterFunc(next.wait, func() { e.enqueue(id) })
			}
			return
		}
	}
}

// attempt makes one step as a continuation of the request that placed the order.
func (e *engine) attempt(ctx context.Context, o order) outcome {
	ctx, cancel := context.WithTimeout(tracing.FromHeaders(ctx, o.headers), stepDeadline)
	defer cancel()
	ctx, span := tracing.Start(ctx, "saga "+string(o.State), trace.SpanKindInternal,
		attribute.String("order.id", o.ID.String()))
	defer span.End()
	begin := time.Now()
	out := step(ctx, e.with, o, time.Now())
	level := slog.LevelInfo
	if out.next == o.State {
		level = slog.LevelWarn
	}
	slog.Log(ctx, level, "saga", "order_id", o.ID.String(), "from", string(o.State), "to", string(out.next),
		"reason", out.reason, "attempt", o.attempts+1, "duration_ms", float64(time.Since(begin).Microseconds())/1000)
	return out
}

// watch returns a channel that is closed when the order is finished by this process, and a function to stop watching.
func (e *engine) watch(id uuid.UUID) (<-chan struct{}, func()) {
	done := make(chan struct{})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting[id] = append(e.waiting[id], done)
	return done, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.waiting, id)
	}
}

func (e *engine) announce(id uuid.UUID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, done := range e.waiting[id] {
		close(done)
	}
	delete(e.waiting, id)
}
