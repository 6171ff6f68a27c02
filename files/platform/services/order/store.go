package order

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
	"cloudlab.example/platform/internal/tracing"
)

// line is an item of an order, with its name and price at the time of ordering.
type line struct {
	SKU      string `json:"sku"`
	Name     string `json:"name"`
	Quantity int32  `json:"quantity"`
	Price    int64  `json:"price"` // of one piece
}

// transition is a change of the order's state.
type transition struct {
	State  state     `json:"state"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// order is an order in responses and events; the unexported fields belong to the saga.
type order struct {
	ID        uuid.UUID    `json:"id"`
	Tenant    string       `json:"tenant"`
	UserID    string       `json:"user_id"`
	Email     string       `json:"email"`
	Total     int64        `json:"total"`
	Currency  string       `json:"currency"`
	Lines     []line       `json:"lines"`
	State     state        `json:"state"`
	Reason    string       `json:"reason,omitempty"`
	History   []transition `json:"history"`
	CreatedAt time.Time    `json:"created_at"`
	UpdatedAt time.Time    `json:"updated_at"`

	cardToken string
	attempts  int
	enteredAt time.Time
	headers   map[string]string
}

const columns = `id, tenant, user_id, email, total, currency, lines, state, reason, history, created_at, updated_at,
	card_token, attempts, entered_at, headers`

func scan(row pgx.CollectableRow) (order, error) {
	var o order
	err := row.Scan(&o.ID, &o.Tenant, &o.UserID, &o.Email, &o.Total, &o.Currency, &o.Lines, &o.State, &o.Reason, &o.History,
		&o.CreatedAt, &o.UpdatedAt, &o.cardToken, &o.attempts, &o.enteredAt, &o.headers)
	return o, err
}

type store struct {
	pool   *pgxpool.Pool
	events *outbox.Outbox
}

// replay is the error of place if the idempotency key was already used for the same request.
type replay struct{ id uuid.UUID }

func (replay) Error() string { return "the order was already placed" }

// place stores a new order, its idempotency key and its first event in one transaction.
func (s *store) place(ctx context.Context, o order, key string, request []byte) error {
	return s.events.Tx(ctx, func(tx *outbox.Tx) error {
		if key != "" {
			if err := claimKey(ctx, tx, o, key, request); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO orders (`+columns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
			o.ID, o.Tenant, o.UserID, o.Email, o.Total, o.Currency, o.Lines, o.State, o.Reason, o.History, o.CreatedAt,
			o.UpdatedAt, o.cardToken, o.attempts, o.enteredAt, tracing.Headers(ctx))
		if err != nil {
			return err
		}
		return tx.Emit(ctx, kafka.OrderEvents, "order.placed", o.ID.String(), o.Tenant, o)
	})
}

// claimKey stores the key for this order. A concurrent request with the same key blocks until the first transaction ends.
func claimKey(ctx context.Context, tx pgx.Tx, o order, key string, request []byte) error {
	tag, err := tx.Exec(ctx, `INSERT INTO idempotency_keys (user_id, key, request, order_id) VALUES ($1, $2, $3, $4)
		ON CONFLICT DO NOTHING`, o.UserID, key, request, o.ID)
	if err != nil || tag.RowsAffected() == 1 {
		return err
	}
	return replayOf(ctx, tx, o.UserID, key, request)
}

// rowQuerier is a pool or a transaction.
type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// replayOf returns a replay if the key was used for the same request, a fault if for another one, and nil if it is new.
func replayOf(ctx context.Context, q rowQuerier, user, key string, request []byte) error {
	var id uuid.UUID
	var first []byte
	err := q.QueryRow(ctx, `SELECT order_id, request FROM idempotency_keys WHERE user_id = $1 AND key = $2`, user, key).
		Scan(&id, &first)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	case !bytes.Equal(first, request):
		return fault.New(fault.Conflict, "the Idempotency-Key was already used for a different request")
	}
	return replay{id}
}

// get returns an order of a user; "" is any user.
func (s *store) get(ctx context.Context, user string, id uuid.UUID) (order, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+columns+` FROM orders WHERE id = $1 AND ($2 = '' OR user_id = $2)`, id, user)
	if err != nil {
		return order{}, err
	}
	o, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		err = notFound(id)
	}
	return o, err
}

func (s *store) list(ctx context.Context, user string, page httpx.Page) ([]order, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+columns+` FROM orders WHERE ($1 = '' OR user_id = $1) AND id < $2
		ORDER BY id DESC LIMIT $3`, user, page.Cursor, page.Limit+1)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// due returns unfinished orders whose process died or whose next attempt is due.
func (s *store) due(ctx context.Context) ([]uuid.UUID, error) {
	rows, err := s.pool.Query(ctx, `SELECT id FROM orders WHERE state NOT IN ('confirmed', 'cancelled') AND next_at <= now()
		ORDER BY next_at LIMIT 100`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// progress is the result of advancing an order.
type progress struct {
	ready bool          // the next step can run at once
	final bool          // the order is finished
	wait  time.Duration // until the next attempt, unless ready
}

// advance runs one step of an order and stores its outcome. It locks the order's row during the step, including the call to the
// other service, which has a timeout. So replicas never run the same step concurrently, and a crash releases the lock at once.
func (s *store) advance(ctx context.Context, id uuid.UUID, attempt func(context.Context, order) outcome) (progress, error) {
	var p progress
	err := s.events.Tx(ctx, func(tx *outbox.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+columns+` FROM orders WHERE id = $1 AND next_at <= now()
			AND state NOT IN ('confirmed', 'cancelled') FOR UPDATE SKIP LOCKED`, id)
		if err != nil {
			return err
		}
		o, err := pgx.CollectExactlyOneRow(rows, scan)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // finished, not due, or locked by another replica
		}
		if err != nil {
			return err
		}
		out := attempt(ctx, o)
		ctx = tracing.FromHeaders(ctx, o.headers)
		if out.next == o.State {
			p.wait = out.wait
			_, err := tx.Exec(ctx, `UPDATE orders SET attempts = attempts + 1, reason = $2, next_at = now() + $3 WHERE id = $1`,
				id, out.reason, out.wait)
			return err
		}
		p.ready, p.final = !out.next.final(), out.next.final()
		return apply(ctx, tx, o, out)
	})
	return p, err
}

// apply stores the order's next state and emits an event.
func apply(ctx context.Context, tx *outbox.Tx, o order, out outcome) error {
	now := time.Now().UTC()
	o.State, o.Reason, o.UpdatedAt = out.next, out.reason, now
	o.History = append(o.History, transition{out.next, out.reason, now})
	_, err := tx.Exec(ctx, `UPDATE orders SET state = $2, reason = $3, history = $4, attempts = 0, entered_at = $5,
		next_at = now(), updated_at = $5 WHERE id = $1`, o.ID, o.State, o.Reason, o.History, now)
	if err != nil {
		return err
	}
	return tx.Emit(ctx, kafka.OrderEvents, "order."+string(o.State), o.ID.String(), o.Tenant, o)
}

// cancel starts the compensation of a confirmed order of a user: refund, then release.
func (s *store) cancel(ctx context.Context, user string, id uuid.UUID) error {
	return s.events.Tx(ctx, func(tx *outbox.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+columns+` FROM orders WHERE id = $1 AND ($2 = '' OR user_id = $2) FOR UPDATE`, id, user)
		if err != nil {
			return err
		}
		o, err := pgx.CollectExactlyOneRow(rows, scan)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return notFound(id)
		case err != nil:
			return err
		case o.State != confirmed:
			return fault.New(fault.Precondition, "the order is %s: only a confirmed order can be cancelled", o.State)
		}
		return apply(ctx, tx, o, outcome{next: refunding, reason: "cancelled by the customer"})
	})
}

// wake makes the next attempt at an order due, once per event. It reports whether the order was waiting.
func (s *store) wake(ctx context.Context, event kafka.Event, id uuid.UUID) (waiting bool, err error) {
	err = s.events.Once(ctx, event, func(tx *outbox.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE orders SET next_at = now() WHERE id = $1 AND next_at > now()
			AND state NOT IN ('confirmed', 'cancelled')`, id)
		waiting = tag.RowsAffected() > 0
		return err
	})
	return waiting, err
}

func notFound(id uuid.UUID) error { return fault.New(fault.NotFound, "order %q not found", id) }
