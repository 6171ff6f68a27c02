package payment

import (
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
)

type state string

const (
	pending  state = "pending" // the outcome at the provider is unknown
	approved state = "approved"
	declined state = "declined"
	refunded state = "refunded"
	voided   state = "voided" // cancelled before the outcome was known
)

// payment is the payment of an order.
type payment struct {
	ID        uuid.UUID `json:"id"`
	OrderID   uuid.UUID `json:"order_id"`
	UserID    string    `json:"user_id"`
	Tenant    string    `json:"tenant"`
	Amount    int64     `json:"amount"`
	Currency  string    `json:"currency"`
	State     state     `json:"state"`
	Reason    string    `json:"reason,omitempty"`
	Attempts  int       `json:"attempts"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

const columns = `id, order_id, user_id, tenant, amount, currency, state, reason, attempts, created_at, updated_at`

type store struct {
	pool   *pgxpool.Pool
	events *outbox.Outbox
}

// begin stores a pending payment, or returns the existing one of the order.
func (s *store) begin(ctx context.Context, p payment) (payment, error) {
	_, err := s.pool.Exec(ctx, `INSERT INTO payments (id, order_id, user_id, tenant, amount, currency, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (order_id) DO NOTHING`,
		uuid.Must(uuid.NewV7()), p.OrderID, p.UserID, p.Tenant, p.Amount, p.Currency, pending)
	if err != nil {
		return p, err
	}
	return s.byOrder(ctx, p.OrderID)
}

func (s *store) byOrder(ctx context.Context, order uuid.UUID) (payment, error) {
	return queryOne(ctx, s.pool, `SELECT `+columns+` FROM payments WHERE order_id = $1`, order)
}

func (s *store) byID(ctx context.Context, id uuid.UUID) (payment, error) {
	return queryOne(ctx, s.pool, `SELECT `+columns+` FROM payments WHERE id = $1`, id)
}

// queryer is a pool or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func queryOne(ctx context.Context, q queryer, query string, args ...any) (payment, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return payment{}, err
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[payment])
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "payment not found")
	}
	return p, err
}

// list returns payments of a user ("" for any), and of one order unless it is nil.
func (s *store) list(ctx context.Context, user string, order *uuid.UUID, page httpx.Page) ([]payment, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+columns+` FROM payments WHERE ($1 = '' OR user_id = $1)
		AND ($2::uuid IS NULL OR order_id = $2) AND id < $3 ORDER BY id DESC LIMIT $4`, user, order, page.Cursor, page.Limit+1)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[payment])
}

// transition changes the state of a payment to the result of decide, which is called while the payment is locked.
func (s *store) transition(ctx context.Context, order uuid.UUID, decide func(payment) (to state, reason string)) (payment, error) {
	var p payment
	err := s.events.Tx(ctx, func(tx *outbox.Tx) (err error) {
		p, err = queryOne(ctx, tx, `SELECT `+columns+` FROM payments WHERE order_id = $1 FOR UPDATE`, order)
		if err != nil {
			return err
		}
		to, reason := decide(p)
		if to == p.State {
			return nil
		}
		p, err = queryOne(ctx, tx, `UPDATE payments SET state = $2, reason = $3, updated_at = now() WHERE order_id = $1
			RETURNING `+columns, order, to, reason)
		if err != nil {
			return err
		}
		return tx.Emit(ctx, kafka.PaymentEvents, "payment."+string(to), p.OrderID.String(), p.Tenant, p)
	})
	return p, err
}

// recordTimeout counts an attempt without a response of the provider.
func (s *store) recordTimeout(ctx context.Context, order uuid.UUID) (payment, error) {
	var p payment
	err := s.events.Tx(ctx, func(tx *outbox.Tx) (err error) {
		p, err = queryOne(ctx, tx, `UPDATE payments SET attempts = attempts + 1, updated_at = now() WHERE order_id = $1
			RETURNING `+columns, order)
		if err != nil || p.State != pending {
			return err
		}
		return tx.Emit(ctx, kafka.PaymentEvents, "payment.timed_out", p.OrderID.String(), p.Tenant, p)
	})
	return p, err
}

// tombstone stores a voided payment for an order without one, so that a delayed charge is rejected.
func (s *store) tombstone(ctx context.Context, order uuid.UUID) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO payments (id, order_id, state, reason) VALUES ($1, $2, 'voided', 'never charged')
		ON CONFLICT (order_id) DO NOTHING`, uuid.Must(uuid.NewV7()), order)
	return err
}
