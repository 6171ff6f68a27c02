package payment

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"

	paymentv1 "cloudlab.example/platform/api/payment/v1"
)

func TestOutcome(t *testing.T) {
	tests := []struct {
		token    string
		amount   int64
		approved bool
		delay    time.Duration
	}{
		{"tok_visa", 100, true, 0},
		{"tok_visa", mockLimit, true, 0},
		{"tok_visa", mockLimit + 1, false, 0},
		{"tok_declined", 100, false, 0},
		{"tok_insufficient", 100, false, 0},
		{"tok_slow", 100, true, slowResponse},
		{"tok_timeout", 100, false, -1},
	}
	for _, test := range tests {
		for range 2 { // deterministic
			v, delay := outcome(charge{Amount: test.amount, CardToken: test.token})
			if v.Approved != test.approved || delay != test.delay || (!v.Approved && delay == 0) != (v.Reason != "") {
				t.Errorf("%s %d: %+v after %v", test.token, test.amount, v, delay)
			}
		}
	}
}

// memoryStore is a paymentStore in memory, for one order.
type memoryStore struct {
	paymentStore
	p *payment
}

func (s *memoryStore) begin(_ context.Context, p payment) (payment, error) {
	if s.p == nil {
		p.ID, p.State = uuid.New(), pending
		s.p = &p
	}
	return *s.p, nil
}

func (s *memoryStore) byOrder(context.Context, uuid.UUID) (payment, error) { return *s.p, nil }

func (s *memoryStore) transition(_ context.Context, _ uuid.UUID, decide func(payment) (state, string)) (payment, error) {
	s.p.State, s.p.Reason = decide(*s.p)
	return *s.p, nil
}

func (s *memoryStore) recordTimeout(context.Context, uuid.UUID) (payment, error) {
	s.p.Attempts++
	return *s.p, nil
}

func (s *memoryStore) tombstone(context.Context, uuid.UUID) error {
	if s.p == nil {
		s.p = &payment{ID: uuid.New(), State: voided}
	}
	return nil
}

// fakeProvider records charges and refunds. during is called within a charge.
type fakeProvider struct {
	charged, refunded map[uuid.UUID]bool
	silent, refuses   bool
	during            func()
}

func newFakeProvider() *fakeProvider {
	return &fakeProvider{charged: map[uuid.UUID]bool{}, refunded: map[uuid.UUID]bool{}}
}

func (b *fakeProvider) Charge(ctx context.Context, c charge) (chargeResult, error) {
	if b.during != nil {
		b.during()
	}
	if b.silent {
		<-ctx.Done()
		return chargeResult{}, ctx.Err()
	}
	if b.refuses {
		return chargeResult{Reason: "no"}, nil
	}
	b.charged[c.PaymentID] = true
	return chargeResult{Approved: true}, nil
}

func (b *fakeProvider) Refund(_ context.Context, id uuid.UUID) error {
	if b.charged[id] {
		b.refunded[id] = true
	}
	return nil
}

func TestChargeAndRefund(t *testing.T) {
	order := payment{OrderID: uuid.New(), Amount: 100, Currency: "EUR"}
	setup := func() (*Service, *fakeProvider) {
		b := newFakeProvider()
		return &Service{store: &memoryStore{}, provider: b, timeout: 20 * time.Millisecond}, b
	}
	t.Run("a repeated charge is charged once", func(t *testing.T) {
		s, b := setup()
		for range 3 {
			if p, err := s.charge(t.Context(), order, "tok"); err != nil || p.State != approved {
				t.Fatalf("%+v, %v", p, err)
			}
		}
		if len(b.charged) != 1 {
			t.Errorf("charged %d times", len(b.charged))
		}
	})
	t.Run("a different amount is rejected", func(t *testing.T) {
		s, _ := setup()
		_, _ = s.charge(t.Context(), order, "tok")
		other := order
		other.Amount++
		if _, err := s.charge(t.Context(), other, "tok"); fault.KindOf(err) != fault.Conflict {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a decline is final", func(t *testing.T) {
		s, b := setup()
		b.refuses = true
		_, _ = s.charge(t.Context(), order, "tok")
		b.refuses = false
		if p, err := s.charge(t.Context(), order, "tok"); err != nil || p.State != declined || p.Reason != "no" {
			t.Errorf("%+v, %v", p, err)
		}
	})
	t.Run("no response leaves it pending, and a refund voids it", func(t *testing.T) {
		s, b := setup()
		b.silent = true
		if p, err := s.charge(t.Context(), order, "tok"); err != nil || p.State != pending || p.Attempts != 1 {
			t.Fatalf("%+v, %v", p, err)
		}
		b.silent = false
		if p, err := s.refund(t.Context(), order.OrderID, "given up"); err != nil || p.State != voided {
			t.Fatalf("%+v, %v", p, err)
		}
		if _, err := s.charge(t.Context(), order, "tok"); fault.KindOf(err) != fault.Precondition || len(b.charged) != 0 {
			t.Errorf("charge after the refund: %v", err)
		}
	})
	t.Run("an approval after the refund is refunded", func(t *testing.T) {
		s, b := setup()
		b.during = func() { _, _ = s.refund(t.Context(), order.OrderID, "given up") }
		p, err := s.charge(t.Context(), order, "tok")
		if err != nil || p.State != voided || len(b.charged) != 1 || len(b.refunded) != 1 {
			t.Errorf("%+v, %v, charged %d, refunded %d", p, err, len(b.charged), len(b.refunded))
		}
	})
	t.Run("a refund before the charge prevents it", func(t *testing.T) {
		s, b := setup()
		if _, err := s.refund(t.Context(), order.OrderID, "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.charge(t.Context(), order, "tok"); err == nil || len(b.charged) != 0 {
			t.Errorf("%v, charged %d", err, len(b.charged))
		}
	})
}

func TestOnlyServicesCharge(t *testing.T) {
	customer := auth.WithClaims(t.Context(), auth.Claims{Permissions: []string{auth.OrdersPlace}})
	_, err := (&Service{}).Charge(customer, &paymentv1.ChargeRequest{OrderId: uuid.NewString()})
	if fault.KindOf(err) != fault.Forbidden {
		t.Errorf("error %v", err)
	}
}
