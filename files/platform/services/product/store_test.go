//go:build integration

package product

import (
	"testing"

	"github.com/google/uuid"

	productv1 "cloudlab.example/platform/api/product/v1"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox/outboxtest"
)

func TestStore(t *testing.T) {
	pool, events := outboxtest.New(t, migrations)
	s := &Service{store: &store{pool: pool, events: events}}
	ctx := t.Context()
	created, err := s.store.create(ctx, "t1", lamp("A", "B"))
	if err != nil || created.Version != 1 || len(created.Variants) != 2 {
		t.Fatalf("%+v, %v", created, err)
	}
	if _, err := s.store.create(ctx, "t1", lamp("A")); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a SKU of another product: %v", err)
	}
	unknown := lamp("C")
	unknown.Category = "unknown"
	if _, err := s.store.create(ctx, "t1", unknown); fault.KindOf(err) != fault.Invalid {
		t.Errorf("unknown category: %v", err)
	}
	if _, err := s.store.replace(ctx, "t2", created.ID, 0, lamp("A")); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("another tenant: %v", err)
	}
	changed, err := s.store.replace(ctx, "t1", created.ID, 1, lamp("B"))
	if err != nil || changed.Version != 2 || len(changed.Variants) != 1 {
		t.Fatalf("%+v, %v", changed, err)
	}
	if _, err := s.store.replace(ctx, "t1", created.ID, 1, lamp("A")); fault.KindOf(err) != fault.Conflict {
		t.Errorf("an old version: %v", err)
	}
	event := kafka.Event{ID: uuid.New(), Type: "stock.changed", Data: []byte(`{"sku":"B","available":7}`)}
	if err := s.onInventoryEvent(ctx, event); err != nil {
		t.Fatal(err)
	}
	page := httpx.Page{Limit: 10, Cursor: uuid.Max}
	for f, want := range map[filter]int{{}: 1, {Category: "home"}: 1, {Category: "books"}: 0, {Brand: "x"}: 0} {
		found, err := s.store.products(ctx, f, page)
		if err != nil || len(found) != want || (want > 0 && found[0].Variants[0].Available != 7) {
			t.Errorf("%+v: %+v, %v", f, found, err)
		}
	}
	if err := s.store.withdraw(ctx, "", created.ID); err != nil {
		t.Fatal(err)
	}
	answer, err := s.GetVariants(ctx, &productv1.GetVariantsRequest{Skus: []string{"B", "none"}})
	if err != nil || len(answer.GetVariants()) != 1 || answer.GetVariants()[0].GetActive() {
		t.Errorf("withdrawn: %v, %v", answer, err)
	}
}
