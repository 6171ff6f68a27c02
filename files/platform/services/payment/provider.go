package payment

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// charge is what a provider is asked for. The payment's id makes it idempotent: asked twice, the provider charges once.
type charge struct {
	PaymentID uuid.UUID
	Amount    int64
	Currency  string
	CardToken string
}

// verdict is a provider's answer.
type verdict struct {
	Approved bool
	Reason   string // of a decline
}

// provider takes money and gives it back. An error means that the outcome is not known.
type provider interface {
	Charge(ctx context.Context, c charge) (verdict, error)
	Refund(ctx context.Context, paymentID uuid.UUID) error
}

// The mock's outcome depends on the card token and the amount alone, so that a test gets what it asks for:
//
//	tok_declined              declined: the card is refused
//	tok_insufficient          declined: insufficient funds
//	tok_timeout               never answers
//	tok_slow                  approved after slowAnswer: time enough to kill somebody
//	any, above mockLimit      declined: the limit is exceeded
//	any other                 approved at once
const (
	mockLimit  = 1_000_000 // 10 000.00
	slowAnswer = 1500 * time.Millisecond
)

// outcome is the mock's decision and how long it takes; delay < 0 is for ever.
func outcome(c charge) (v verdict, delay time.Duration) {
	switch {
	case c.CardToken == "tok_timeout":
		return verdict{}, -1
	case c.CardToken == "tok_declined":
		return verdict{Reason: "the card is refused"}, 0
	case c.CardToken == "tok_insufficient":
		return verdict{Reason: "insufficient funds"}, 0
	case c.Amount > mockLimit:
		return verdict{Reason: "the card's limit is exceeded"}, 0
	case c.CardToken == "tok_slow":
		return verdict{Approved: true}, slowAnswer
	}
	return verdict{Approved: true}, 0
}

// mock is a provider that keeps its book in our database.
type mock struct{ pool *pgxpool.Pool }

func (m mock) Charge(ctx context.Context, c charge) (verdict, error) {
	v, delay := outcome(c)
	if err := pause(ctx, delay); err != nil || !v.Approved {
		return v, err
	}
	_, err := m.pool.Exec(ctx, `INSERT INTO provider_book (payment_id, entry, amount, currency) VALUES ($1, 'charge', $2, $3)
		ON CONFLICT DO NOTHING`, c.PaymentID, c.Amount, c.Currency)
	return v, err
}

func (m mock) Refund(ctx context.Context, paymentID uuid.UUID) error {
	_, err := m.pool.Exec(ctx, `INSERT INTO provider_book (payment_id, entry, amount, currency)
		SELECT payment_id, 'refund', amount, currency FROM provider_book WHERE payment_id = $1 AND entry = 'charge'
		ON CONFLICT DO NOTHING`, paymentID)
	return err
}

func pause(ctx context.Context, delay time.Duration) error {
	if delay == 0 {
		return nil
	}
	var after <-chan time.Time // nil, for ever, unless there is an end
	if delay > 0 {
		after = time.After(delay)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-after:
		return nil
	}
}
