package order

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	productv1 "cloudlab.example/platform/api/product/v1"
	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

const (
	maxWait     = 10 * time.Second
	maxQuantity = 1000
	maxKey      = 200
)

func (s *Service) routes(mux *httpx.Mux) {
	mux.Handle("POST /api/v1/orders", s.place)
	mux.Handle("GET /api/v1/orders", s.list)
	mux.Handle("GET /api/v1/orders/{id}", s.get)
	mux.Handle("POST /api/v1/orders/{id}/cancel", s.cancel)
}

// basket is the body of a new order. Names and prices come from the catalogue.
type basket struct {
	Items []struct {
		SKU      string `json:"sku"`
		Quantity int32  `json:"quantity"`
	} `json:"items"`
	CardToken string `json:"card_token"`
}

// Validate is called by httpx.Decode.
func (b basket) Validate() error {
	var fields fault.Fields
	fields.Check(len(b.Items) >= 1 && len(b.Items) <= 50, "items", "must have 1 to 50 entries")
	fields.Check(b.CardToken != "" && len(b.CardToken) <= 100, "card_token", "is required")
	seen := map[string]bool{}
	for i, item := range b.Items {
		at := fmt.Sprintf("items[%d].", i)
		fields.Check(item.SKU != "" && !seen[item.SKU], at+"sku", "is required and must be unique")
		fields.Check(item.Quantity >= 1 && item.Quantity <= maxQuantity, at+"quantity", "must be 1 to 1000")
		seen[item.SKU] = true
	}
	return fields.Err()
}

// place responds with 202 while the order is processed, or, with "Prefer: wait=<seconds>", with 201 once it is finished. A
// repeated request with the same Idempotency-Key returns the same order.
func (s *Service) place(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Require(r.Context(), auth.OrdersPlace)
	if err != nil {
		return err
	}
	wait, err := waitOf(r)
	if err != nil {
		return err
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > maxKey {
		return fault.New(fault.Invalid, "the Idempotency-Key must have at most %d bytes", maxKey)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, httpx.MaxBody))
	if err != nil {
		return fault.Wrap(fault.TooLarge, err, "the body exceeds %d bytes", httpx.MaxBody)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var placed basket
	if err := httpx.Decode(w, r, &placed); err != nil {
		return err
	}
	id, err := s.accept(r.Context(), claims, placed, key, body, wait)
	if replayed := (replay{}); errors.As(err, &replayed) {
		w.Header().Set("Idempotent-Replayed", "true")
		id, err = replayed.id, nil
	}
	if err != nil {
		return err
	}
	o, err := s.store.get(r.Context(), "", id)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/api/v1/orders/"+id.String())
	if o.State.final() {
		return httpx.JSON(w, http.StatusCreated, o)
	}
	return httpx.JSON(w, http.StatusAccepted, o)
}

// accept stores the order and starts its saga. It waits until the saga ends, but at most as long as the client requested.
func (s *Service) accept(ctx context.Context, claims auth.Claims, b basket, key string, body []byte, wait time.Duration) (uuid.UUID, error) {
	request := sha256.Sum256(body)
	if key != "" { // a repeated request must not fail because the catalogue is unavailable or has changed
		if err := replayOf(ctx, s.store.pool, claims.Subject, key, request[:]); err != nil {
			return uuid.Nil, err
		}
	}
	o, err := s.price(ctx, b)
	if err != nil {
		return uuid.Nil, err
	}
	o.Tenant, o.UserID, o.Email = claims.Tenant, claims.Subject, claims.Email
	done, stop := s.engine.watch(o.ID)
	defer stop()
	if err := s.store.place(ctx, o, key, request[:]); err != nil {
		return uuid.Nil, err
	}
	s.engine.enqueue(o.ID)
	if wait > 0 {
		select {
		case <-done:
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return o.ID, nil
}

// price returns the order of a basket, with names and prices from the catalogue.
func (s *Service) price(ctx context.Context, b basket) (order, error) {
	skus := make([]string, len(b.Items))
	for i, item := range b.Items {
		skus[i] = item.SKU
	}
	response, err := s.products.GetVariants(ctx, &productv1.GetVariantsRequest{Skus: skus})
	if err != nil {
		return order{}, err
	}
	offers := make(map[string]*productv1.Variant, len(skus))
	for _, v := range response.GetVariants() {
		offers[v.GetSku()] = v
	}
	return total(b, offers, time.Now().UTC())
}

// total returns the order of a basket. Unknown or inactive variants and mixed currencies are invalid.
func total(b basket, offers map[string]*productv1.Variant, now time.Time) (order, error) {
	o := order{
		ID: uuid.Must(uuid.NewV7()), State: pending, History: []transition{{State: pending, At: now}},
		CreatedAt: now, UpdatedAt: now, enteredAt: now, cardToken: b.CardToken,
	}
	var fields fault.Fields
	for i, item := range b.Items {
		offer := offers[item.SKU]
		at := fmt.Sprintf("items[%d].sku", i)
		fields.Check(offer.GetActive(), at, "is not available")
		fields.Check(o.Currency == "" || offer == nil || o.Currency == offer.GetCurrency(), at, "has a different currency than other items")
		if offer != nil {
			o.Currency = offer.GetCurrency()
		}
		o.Total += offer.GetPrice() * int64(item.Quantity)
		o.Lines = append(o.Lines, line{item.SKU, offer.GetName(), item.Quantity, offer.GetPrice()})
	}
	return o, fields.Err()
}

// waitOf reads "Prefer: wait=<seconds>" (RFC 7240); 0 if there is none.
func waitOf(r *http.Request) (time.Duration, error) {
	for preference := range strings.SplitSeq(r.Header.Get("Prefer"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
		if !strings.EqualFold(name, "wait") {
			continue
		}
		seconds, err := strconv.Atoi(value)
		if err != nil || seconds < 0 {
			return 0, fault.New(fault.Invalid, "Prefer: wait must be a number of seconds")
		}
		return min(time.Duration(seconds)*time.Second, maxWait), nil
	}
	return 0, nil
}

func (s *Service) list(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	page, err := httpx.PageOf(r)
	if err != nil {
		return err
	}
	found, err := s.store.list(r.Context(), ownerOf(claims), page)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.ListOf(page, found, func(o order) uuid.UUID { return o.ID }))
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	id, err := httpx.PathID(r, "order")
	if err != nil {
		return err
	}
	o, err := s.store.get(r.Context(), ownerOf(claims), id)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, o)
}

func (s *Service) cancel(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	id, err := httpx.PathID(r, "order")
	if err != nil {
		return err
	}
	if err := s.store.cancel(r.Context(), ownerOf(claims), id); err != nil {
		return err
	}
	s.engine.enqueue(id)
	o, err := s.store.get(r.Context(), "", id)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusAccepted, o)
}
