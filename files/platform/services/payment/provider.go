package payment

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// charge is a request to a provider. It is idempotent by the payment's ID.
type charge struct {
	PaymentID uuid.UUID
	Amount    int64
	Currency  string
	CardToken string
}

// chargeResult is the response of a provider.
type chargeResult struct {
	Approved bool
	Reason   string // of a decline
}

// provider charges and refunds payments. An error means that the outcome is unknown.
type provider interface {
	Charge(ctx context.Context, c charge) (chargeResult, error)
	Refund(ctx context.Context, paymentID uuid.UUID) error
}

// The mock's result depends only on the card token and the amount, so that a test can choose it:
//
//	tok_declined              declined: the card is declined
//	tok_insufficient          declined: insufficient funds
//	tok_timeout               never responds
//	tok_slow                  approved after slowResponse: enough time to kill a process
//	any, above mockLimit      declined: the limit is exceeded
//	any other                 approved at once
const (
	mockLimit    = 1_000_000 // 10 000.00
	slowResponse = 1500 * time.Millisecond
)

// outcome returns the mock's result and its delay; a negative delay never ends.
func outcome(c charge) (v chargeResult, delay time.Duration) {
	switch {
	case c.CardToken == "tok_timeout":
		return chargeResult{}, -1
	case c.CardToken == "tok_declined":
		return chargeResult{Reason: "the card is declined"}, 0
	case c.CardToken == "tok_insufficient":
		return chargeResult{Reason: "insufficient funds"}, 0
	case c.Amount > mockLimit:
		return chargeResult{Reason: "the card's limit is exceeded"}, 0
	case c.CardToken == "tok_slow":
		return chargeResult{Approved: true}, slowResponse
	}
	return chargeResult{Approved: true}, 0
}

// mockProvider is a provider that records charges and refunds in the service's database.
type mockProvider struct{ pool *pgxpool.Pool }

func (m mockProvider) Charge(ctx context.Context, c charge) (chargeResult, error) {
	v, delay := outcome(c)
	if err := sleep(ctx, delay); err != nil || !v.Approved {
		return v, err
	}
	_, err := m.pool.Exec(ctx, `INSERT INTO provider_book (payment_id, entry, amount, currency) VALUES ($1, 'charge', $2, $3)
		ON CONFLICT DO NOTHING`, c.PaymentID, c.Amount, c.Currency)
	return v, err
}

func (m mockProvider) Refund(ctx context.Context, paymentID uuid.UUID) error {
	_, err := m.pool.Exec(ctx, `INSERT INTO provider_book (payment_id, entry, amount, currency)
		SELECT payment_id, 'refund', amount, currency FROM provider_book WHERE payment_id = $1 AND entry = 'charge'
		ON CONFLICT DO NOTHING`, paymentID)
	return err
}

func sleep(ctx context.Context, delay time.Duration) error {
	if delay == 0 {
		return nil
	}
	var after <-chan time.Time // nil, which blocks forever, if delay < 0
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
