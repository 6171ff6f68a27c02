package seed

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/sync/errgroup"
)

const (
	orderWait      = 10       // seconds to wait for the end of an order's saga, the maximum of the API
	analyticsHours = 24 * 366 // the longest period of analytics
)

// Holdings is what the platform already has.
type Holdings struct {
	Emails     map[string]bool
	Categories map[string]bool
	Warehouses map[string]bool
	Available  map[string]int             // pieces by SKU
	Levels     map[string]map[string]bool // the warehouses that have a SKU, for some SKUs
	Orders     map[string]int             // number of orders by mark
}

// mark identifies orders by customer and items.
func mark(email string, items []Item) string {
	lines := make([]string, len(items))
	for i, item := range items {
		lines[i] = fmt.Sprintf("%s*%d", item.SKU, item.Quantity)
	}
	slices.Sort(lines)
	return email + " " + strings.Join(lines, " ")
}

// Shop is the platform's API as its administrator uses it. Natural keys make its requests repeatable: email addresses,
// slugs, codes and SKUs, and for orders an Idempotency-Key. An object that already exists is not an error, because lists
// are a moment behind.
type Shop struct {
	gateway *Gateway
	admin   *Account
}

// NewShop returns the platform's API.
func NewShop(gateway *Gateway, admin *Account) *Shop {
	return &Shop{gateway, admin}
}

// Holdings lists what the platform has, except for Levels.
func (s *Shop) Holdings(ctx context.Context) (Holdings, error) {
	held := Holdings{
		Emails: map[string]bool{}, Categories: map[string]bool{}, Warehouses: map[string]bool{},
		Available: map[string]int{}, Levels: map[string]map[string]bool{}, Orders: map[string]int{},
	}
	token, err := s.admin.Token(ctx)
	if err != nil {
		return held, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return pages(ctx, s.gateway, "/api/v1/users", token, func(u struct{ Email string }) {
			held.Emails[u.Email] = true
		})
	})
	group.Go(func() error { return s.names(ctx, "/api/v1/categories", held.Categories) })
	group.Go(func() error { return s.names(ctx, "/api/v1/warehouses", held.Warehouses) })
	group.Go(func() error {
		type product struct {
			Variants []struct {
				SKU       string
				Available int
			}
		}
		return pages(ctx, s.gateway, "/api/v1/products", token, func(p product) {
			for _, variant := range p.Variants {
				held.Available[variant.SKU] = variant.Available
			}
		})
	})
	group.Go(func() error {
		type order struct {
			Email string
			Lines []Item
		}
		return pages(ctx, s.gateway, "/api/v1/orders", token, func(o order) { held.Orders[mark(o.Email, o.Lines)]++ })
	})
	return held, group.Wait()
}

// names adds the slugs or codes of a list without pages.
func (s *Shop) names(ctx context.Context, path string, into map[string]bool) error {
	var list struct{ Items []struct{ Slug, Code string } }
	if err := s.get(ctx, path, &list); err != nil {
		return err
	}
	for _, item := range list.Items {
		into[item.Slug+item.Code] = true
	}
	return nil
}

// Levels lists the warehouses that have a SKU, whatever is left of it.
func (s *Shop) Levels(ctx context.Context, sku string) (map[string]bool, error) {
	var list struct{ Items []struct{ Warehouse string } }
	if err := s.get(ctx, "/api/v1/inventory/"+sku+"/levels", &list); err != nil {
		return nil, err
	}
	found := make(map[string]bool)
	for _, level := range list.Items {
		found[level.Warehouse] = true
	}
	return found, nil
}

// Processed is what the consumers of events have processed: products in the search index, orders in analytics.
type Processed struct {
	Products, Orders int
}

// Processed asks search and analytics.
func (s *Shop) Processed(ctx context.Context) (Processed, error) {
	var search struct{ Total int }
	if err := s.get(ctx, "/api/v1/search?limit=1", &search); err != nil {
		return Processed{}, err
	}
	var funnel struct {
		Items []struct {
			Name  string
			Count int
		}
	}
	if err := s.get(ctx, fmt.Sprintf("/api/v1/analytics/funnel?hours=%d", analyticsHours), &funnel); err != nil {
		return Processed{}, err
	}
	for _, stage := range funnel.Items {
		if stage.Name == "placed" {
			return Processed{search.Total, stage.Count}, nil
		}
	}
	return Processed{}, errors.New("analytics has no stage \"placed\"")
}

// Register creates an account: a founder's with its tenant, another one's by invitation of the tenant's owner.
func (s *Shop) Register(ctx context.Context, user User, password string, owner *Account) (bool, error) {
	body := map[string]string{"email": user.Email, "password": password, "name": user.Name, "phone": user.Phone}
	if user.Founder {
		body["tenant"] = user.Tenant
	} else if owner != nil {
		var invited struct{ Invitation string }
		invitation := map[string]string{"email": user.Email}
		if err := s.do(ctx, http.MethodPost, "/api/v1/auth/invitations", invitation, owner, &invited); err != nil {
			return false, err
		}
		body["invitation"] = invited.Invitation
	}
	return created(s.do(ctx, http.MethodPost, "/api/v1/auth/register", body, nil, nil))
}

// PutCategory creates or replaces a category.
func (s *Shop) PutCategory(ctx context.Context, category Category) error {
	body := map[string]string{"name": category.Name}
	if category.Parent != "" {
		body["parent"] = category.Parent
	}
	return s.do(ctx, http.MethodPut, "/api/v1/categories/"+category.Slug, body, s.admin, nil)
}

// PutWarehouse creates or replaces a warehouse.
func (s *Shop) PutWarehouse(ctx context.Context, warehouse Warehouse) error {
	body := map[string]string{"name": warehouse.Name}
	return s.do(ctx, http.MethodPut, "/api/v1/warehouses/"+warehouse.Code, body, s.admin, nil)
}

// Create creates a product of the owner's tenant. A product that was withdrawn stays withdrawn.
func (s *Shop) Create(ctx context.Context, product Product, owner *Account) (bool, error) {
	variants := make([]map[string]any, len(product.Variants))
	for i, v := range product.Variants {
		variants[i] = map[string]any{"sku": v.SKU, "name": v.Name, "price": v.Price, "currency": "EUR"}
	}
	body := map[string]any{
		"name": product.Name, "description": product.Description, "brand": product.Brand,
		"category": product.Category, "variants": variants,
	}
	return created(s.do(ctx, http.MethodPost, "/api/v1/products", body, owner, nil))
}

// Deliver adds stock to a warehouse. A lost response is not repeated: the stock could be added twice.
func (s *Shop) Deliver(ctx context.Context, delivery Delivery) error {
	token, err := s.admin.Token(ctx)
	if err != nil {
		return err
	}
	path := "/api/v1/inventory/" + delivery.SKU + "/adjustments"
	body := map[string]any{"warehouse": delivery.Warehouse, "delta": delivery.Pieces}
	_, err = s.gateway.call(ctx, request{method: http.MethodPost, path: path, token: token, body: body, once: true}, nil)
	return err
}

// Place places an order and waits for its end. It returns the order's state, or nothing if the order existed.
func (s *Shop) Place(ctx context.Context, order NumberedOrder, buyer *Account) (string, error) {
	token, err := buyer.Token(ctx)
	if err != nil {
		return "", err
	}
	items := make([]map[string]any, len(order.Items))
	for i, item := range order.Items {
		items[i] = map[string]any{"sku": item.SKU, "quantity": item.Quantity}
	}
	var answer struct{ State string }
	header, err := s.gateway.call(ctx, request{
		method: http.MethodPost, path: "/api/v1/orders", token: token,
		header: map[string]string{"Idempotency-Key": order.key(), "Prefer": fmt.Sprintf("wait=%d", orderWait)},
		body:   map[string]any{"items": items, "card_token": order.Card},
	}, &answer)
	if err != nil || header.Get("Idempotent-Replayed") != "" {
		return "", err
	}
	return answer.State, nil
}

// key returns the Idempotency-Key. An order with other items under the same number is another order.
func (o NumberedOrder) key() string {
	items := make([]string, len(o.Items))
	for i, item := range o.Items {
		items[i] = fmt.Sprintf(`{"quantity": %d, "sku": %q}`, item.Quantity, item.SKU)
	}
	text := fmt.Sprintf(`{"card_token": %q, "items": [%s]}`, o.Card, strings.Join(items, ", "))
	hash, err := blake2b.New(8, nil)
	if err != nil {
		panic(err) // the size is valid
	}
	hash.Write([]byte(text))
	return fmt.Sprintf("seed-%d-%s", o.Number, hex.EncodeToString(hash.Sum(nil)))
}

func (s *Shop) get(ctx context.Context, path string, answer any) error {
	return s.do(ctx, http.MethodGet, path, nil, s.admin, answer)
}

// do sends a repeatable request as an account, or without one.
func (s *Shop) do(ctx context.Context, method, path string, body any, as *Account, answer any) error {
	req := request{method: method, path: path, body: body}
	if as != nil {
		token, err := as.Token(ctx)
		if err != nil {
			return err
		}
		req.token = token
	}
	_, err := s.gateway.call(ctx, req, answer)
	return err
}

// created reports whether a request created an object; a conflict means that it existed.
func created(err error) (bool, error) {
	var refused *RefusedError
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		return false, nil
	}
	return err == nil, err
}
