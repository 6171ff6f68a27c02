package search

import (
	"context"
	"log/slog"
	"time"

	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/tracing"
)

// document is a product in the index. A withdrawn product remains as inactive, so that its version rejects delayed older
// events.
type document struct {
	ID          string    `json:"id"`
	Tenant      string    `json:"tenant"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Brand       string    `json:"brand"`
	Category    string    `json:"category"`
	SKUs        []string  `json:"skus"`
	MinPrice    int64     `json:"min_price"`
	MaxPrice    int64     `json:"max_price"`
	Currency    string    `json:"currency"`
	Active      bool      `json:"active"`
	Version     int64     `json:"version"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// documentOf returns the document of an event; false if the event has no product.
func documentOf(ctx context.Context, event kafka.Event) (document, bool) {
	var product struct {
		document
		Variants []struct {
			SKU      string `json:"sku"`
			Price    int64  `json:"price"`
			Currency string `json:"currency"`
		} `json:"variants"`
	}
	if err := event.Decode(&product); err != nil || product.ID == "" || product.Version < 1 {
		slog.ErrorContext(tracing.FromHeaders(ctx, event.Headers), "event without a product ignored", "event", event.String(), "error", err)
		return document{}, false
	}
	d := product.document
	for i, v := range product.Variants {
		d.SKUs = append(d.SKUs, v.SKU)
		if i == 0 {
			d.MinPrice, d.MaxPrice, d.Currency = v.Price, v.Price, v.Currency
		}
		d.MinPrice, d.MaxPrice = min(d.MinPrice, v.Price), max(d.MaxPrice, v.Price)
	}
	return d, true
}
