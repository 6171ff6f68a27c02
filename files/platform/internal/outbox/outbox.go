// Package outbox implements the transactional outbox and inbox patterns on PostgreSQL.
//
// Outbox: Tx writes events in the same transaction as the change; a relay publishes them to Kafka, at least once and in order
// per aggregate, also after a crash or an outage. Inbox: Once stores the IDs of handled events in the same transaction as
// their effect.
package outbox

import (
	"context"
	"embed"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/metrics"
	"cloudlab.example/platform/internal/pg"
	"cloudlab.example/platform/internal/tracing"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations creates the tables; pass it to pg.Open.
var Migrations = pg.Migrations{Files: files, Table: "outbox_version"}

const (
	batchSize       = 100
	pollInterval    = 2 * time.Second    // finds events whose process died after the commit; others wake the relay
	maxBackoff      = 5 * time.Second    // while Kafka is unavailable
	inboxRetention  = 7 * 24 * time.Hour // Kafka does not redeliver older events
	cleanupInterval = time.Hour
)

// Publisher publishes events to Kafka.
type Publisher interface {
	Publish(ctx context.Context, events ...kafka.Event) error
}

// Outbox is the outbox and inbox of one service's schema.
type Outbox struct {
	pool      *pgxpool.Pool
	publisher Publisher
	wake      chan struct{}
}

// New returns an outbox whose relay runs as a worker of the app.
func New(a *app.App, pool *pgxpool.Pool, publisher Publisher) *Outbox {
	o := newOutbox(pool, publisher)
	a.Go("outbox relay", o.relay)
	return o
}

// NewWithoutRelay returns an outbox that does not publish its events, for tests and tools.
func NewWithoutRelay(pool *pgxpool.Pool) *Outbox { return newOutbox(pool, nil) }

func newOutbox(pool *pgxpool.Pool, publisher Publisher) *Outbox {
	return &Outbox{pool: pool, publisher: publisher, wake: make(chan struct{}, 1)}
}

// Tx is a transaction that can emit events.
type Tx struct {
	pgx.Tx
	events pgx.Batch // inserted in one round trip before the commit
}

// Emit adds an event of an aggregate to the transaction, with the trace context and request ID of ctx.
func (tx *Tx) Emit(ctx context.Context, topic, kind, key, tenant string, data any) error {
	encoded, err := json.Marshal(data)
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	tx.events.Queue(`INSERT INTO outbox (event_id, topic, type, key, tenant, occurred_at, data, headers)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, id, topic, kind, key, tenant, time.Now().UTC(), encoded, tracing.Headers(ctx))
	return nil
}

// Tx runs fn in a transaction, commits it unless fn fails, and wakes the relay if fn emitted events.
func (o *Outbox) Tx(ctx context.Context, fn func(tx *Tx) error) error {
	emitted := 0
	err := pgx.BeginFunc(ctx, o.pool, func(inner pgx.Tx) error {
		tx := &Tx{Tx: inner}
		if err := fn(tx); err != nil {
			return err
		}
		if emitted = tx.events.Len(); emitted == 0 {
			return nil
		}
		return tx.SendBatch(ctx, &tx.events).Close()
	})
	if err == nil && emitted > 0 {
		o.wakeRelay()
	}
	return err
}

// Once runs fn in a transaction unless the event was handled before.
func (o *Outbox) Once(ctx context.Context, event kafka.Event, fn func(tx *Tx) error) error {
	return o.Tx(ctx, func(tx *Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING`, event.ID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			slog.DebugContext(ctx, "duplicate event ignored", "event_id", event.ID.String())
			return nil
		}
		return fn(tx)
	})
}

func (o *Outbox) wakeRelay() {
	select {
	case o.wake <- struct{}{}:
	default: // already awake
	}
}

func (o *Outbox) relay(ctx context.Context) error {
	lastCleanup := time.Time{}
	delay := time.Duration(0)
	for {
		sent, err := o.publishBatch(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			delay = min(max(2*delay, 100*time.Millisecond), maxBackoff)
			slog.Warn("publishing events failed, retrying", "error", err)
		case sent > 0:
			delay = 0
			continue // there may be more
		default:
			delay = pollInterval + rand.N(pollInterval/2)
		}
		if time.Since(lastCleanup) > cleanupInterval && err == nil {
			lastCleanup = time.Now()
			o.cleanInbox(ctx)
		}
		if !o.sleep(ctx, delay, err != nil) {
			return nil
		}
		if err == nil {
			delay = 0
		}
	}
}

// sleep waits for the next batch. New events wake it, except during a backoff.
func (o *Outbox) sleep(ctx context.Context, delay time.Duration, backoff bool) bool {
	wake := o.wake
	if backoff {
		wake = nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-time.After(delay):
	}
	return true
}

// selectNext returns the oldest event of each aggregate, unless another replica has locked it. An event is deleted in the
// transaction that publishes it, so the next one is selected only after it was published: that keeps the order per aggregate.
const selectNext = `
SELECT id, event_id, topic, type, key, tenant, occurred_at, data, headers FROM outbox o
WHERE NOT EXISTS (SELECT FROM outbox older WHERE older.topic = o.topic AND older.key = o.key AND older.id < o.id)
ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED`

// publishBatch publishes one batch and returns its size.
func (o *Outbox) publishBatch(ctx context.Context) (int, error) {
	sent := 0
	err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		// If the deletion is lost in a crash, the events are published again, and consumers drop duplicates. So this
		// commit need not wait for the disk.
		if _, err := tx.Exec(ctx, `SET LOCAL synchronous_commit TO off`); err != nil {
			return err
		}
		ids, events, err := next(ctx, tx)
		if err != nil || len(events) == 0 {
			return err
		}
		if err := o.publisher.Publish(ctx, events...); err != nil {
			return err
		}
		sent = len(events)
		_, err = tx.Exec(ctx, `DELETE FROM outbox WHERE id = ANY($1)`, ids)
		for _, event := range events {
			metrics.OutboxDelay.Observe(time.Since(event.OccurredAt).Seconds())
		}
		return err
	})
	metrics.OutboxPublished.Add(float64(sent))
	return sent, err
}

func next(ctx context.Context, tx pgx.Tx) ([]int64, []kafka.Event, error) {
	rows, err := tx.Query(ctx, selectNext, batchSize)
	if err != nil {
		return nil, nil, err
	}
	var ids []int64
	var events []kafka.Event
	var id int64
	var e kafka.Event
	_, err = pgx.ForEachRow(rows, []any{&id, &e.ID, &e.Topic, &e.Type, &e.Key, &e.Tenant, &e.OccurredAt, &e.Data, &e.Headers},
		func() error {
			ids, events = append(ids, id), append(events, e)
			e.Data, e.Headers = nil, nil // the next row must not overwrite them
			return nil
		})
	return ids, events, err
}

func (o *Outbox) cleanInbox(ctx context.Context) {
	if _, err := o.pool.Exec(ctx, `DELETE FROM inbox WHERE handled_at < $1`, time.Now().Add(-inboxRetention)); err != nil {
		slog.Warn("cleaning the inbox failed", "error", err)
	}
}
