//go:build integration

package payment

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/outbox/outboxtest"
)

func TestStore(t *testing.T) {
	pool, events := outboxtest.New(t, migrations)
	s := &Service{store: &store{pool: pool, events: events}, provider: mockProvider{pool}, timeout: time.Second}
	order := payment{OrderID: uuid.New(), UserID: "u1", Tenant: "t1", Amount: 100, Currency: "EUR"}
	for range 2 {
		if p, err := s.charge(t.Context(), order, "tok"); err != nil || p.State != approved {
			t.Fatalf("%+v, %v", p, err)
		}
	}
	for range 2 {
		if p, err := s.refund(t.Context(), order.OrderID, "back"); err != nil || p.State != refunded {
			t.Fatalf("%+v, %v", p, err)
		}
	}
	var entries int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM provider_book`).Scan(&entries); err != nil || entries != 2 {
		t.Errorf("%d entries of the provider, %v", entries, err)
	}
}
