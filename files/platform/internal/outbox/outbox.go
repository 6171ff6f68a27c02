// Package outbox makes a change in PostgreSQL and its event one transaction, and handles an incoming event once.
//
// Out: Tx writes events beside the change; a relay brings them to Kafka, at least once and in order per aggregate, also
// after a crash or an outage. In: Once remembers the ids of handled events in the same transaction as their effect.
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
	"cloudlab.example/platform/internal/otel"
	"cloudlab.example/platform/internal/pg"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations makes the tables; give them to pg.Open.
var Migrations = pg.Migrations{Files: files, Table: "outbox_version"}

const (
	batch        = 100
	pollEvery    = 2 * time.Second    // only for events whose process died after the commit: others wake the relay
	maxPause     = 5 * time.Second    // between attempts while Kafka is away
	inboxKeeps   = 7 * 24 * time.Hour // Kafka does not deliver again what is older
	inboxCleanup = time.Hour
)

// Publisher is the way to Kafka.
type Publisher interface {
	Publish(ctx context.Context, events ...kafka.Event) error
}

// Outbox belongs to one service's schema.
type Outbox struct {
	pool      *pgxpool.Pool
	publisher Publisher
	wake      chan struct{}
}

// New starts the relay with the app.
func New(a *app.App, pool *pgxpool.Pool, publisher Publisher) *Outbox {
	o := newOutbox(pool, publisher)
	a.Go("outbox", o.relay)
	return o
}

// NewDetached makes an outbox without a relay: its events stay. For tests and tools.
func NewDetached(pool *pgxpool.Pool) *Outbox { return newOutbox(pool, nil) }

func newOutbox(pool *pgxpool.Pool, publisher Publisher) *Outbox {
	return &Outbox{pool: pool, publisher: publisher, wake: make(chan struct{}, 1)}
}

// Tx is a transaction that can emit events.
type Tx struct {
	pgx.Tx
	events pgx.Batch // written in one round trip before the commit
}

// Emit adds an event of an aggregate to the transaction. It carries the context's trace and request id.
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
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, id, topic, kind, key, tenant, time.Now().UTC(), encoded, otel.Headers(ctx))
	return nil
}

// Tx runs do in a transaction, commits it unless do fails, and sets the relay off at once if there are events.
func (o *Outbox) Tx(ctx context.Context, do func(tx *Tx) error) error {
	emitted := 0
	err := pgx.BeginFunc(ctx, o.pool, func(inner pgx.Tx) error {
		tx := &Tx{Tx: inner}
		if err := do(tx); err != nil {
			return err
		}
		if emitted = tx.events.Len(); emitted == 0 {
			return nil
		}
		return tx.SendBatch(ctx, &tx.events).Close()
	})
	if err == nil && emitted > 0 {
		o.signal()
	}
	return err
}

// Once runs do in a transaction unless the event was handled before.
func (o *Outbox) Once(ctx context.Context, event kafka.Event, do func(tx *Tx) error) error {
	return o.Tx(ctx, func(tx *Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING`, event.ID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			slog.DebugContext(ctx, "event handled before", "event_id", event.ID.String())
			return nil
		}
		return do(tx)
	})
}

func (o *Outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default: // the relay is awake already
	}
}

func (o *Outbox) relay(ctx context.Context) error {
	cleaned := time.Time{}
	pause := time.Duration(0)
	for {
		sent, err := o.forward(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			pause = min(max(2*pause, 100*time.Millisecond), maxPause)
			slog.Warn("events wait in the outbox", "error", err)
		case sent > 0:
			pause = 0
			continue // there may be more
		default:
			pause = pollEvery + rand.N(pollEvery/2)
		}
		if time.Since(cleaned) > inboxCleanup && err == nil {
			cleaned = time.Now()
			o.clean(ctx)
		}
		if !o.rest(ctx, pause, err != nil) {
			return nil
		}
		if err == nil {
			pause = 0
		}
	}
}

// rest waits for the next round. New events end it early, except while Kafka is away.
func (o *Outbox) rest(ctx context.Context, pause time.Duration, away bool) bool {
	wake := o.wake
	if away {
		wake = nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-time.After(pause):
	}
	return true
}

// The oldest event of each aggregate, unless another replica has it in hand. As an event is removed in the transaction
// that sends it, its successor becomes visible only after it was sent: that keeps the order per aggregate.
const selectNext = `
SELECT id, event_id, topic, type, key, tenant, occurred_at, data, headers FROM outbox o
WHERE NOT EXISTS (SELECT FROM outbox older WHERE older.topic = o.topic AND older.key = o.key AND older.id < o.id)
ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED`

// forward sends one batch and returns its size.
func (o *Outbox) forward(ctx context.Context) (int, error) {
	sent := 0
	err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		// Should the removal be lost in a crash, the events are sent again, and consumers drop what they have seen: so
		// this commit need not wait for the disk, whose time the requests need.
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
	rows, err := tx.Query(ctx, selectNext, batch)
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
			e.Data, e.Headers = nil, nil // the next row must not scan into them
			return nil
		})
	return ids, events, err
}

func (o *Outbox) clean(ctx context.Context) {
	if _, err := o.pool.Exec(ctx, `DELETE FROM inbox WHERE handled_at < $1`, time.Now().Add(-inboxKeeps)); err != nil {
		slog.Warn("inbox not cleaned", "error", err)
	}
}
