package product

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
)

// product is a product in responses and events.
type product struct {
	ID          uuid.UUID `json:"id"`
	Tenant      string    `json:"tenant"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Brand       string    `json:"brand"`
	Category    string    `json:"category"`
	Active      bool      `json:"active"`
	Version     int64     `json:"version"` // incremented by each change; the ETag
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Variants    []variant `json:"variants"`
}

// variant is a sellable variant of a product.
type variant struct {
	SKU       string `json:"sku"`
	Name      string `json:"name,omitempty"`
	Price     int64  `json:"price"` // in the smallest unit of the currency
	Currency  string `json:"currency"`
	Available int64  `json:"available"`
}

type category struct {
	Slug   string  `json:"slug"`
	Name   string  `json:"name"`
	Parent *string `json:"parent,omitempty"`
}

type store struct {
	pool   *pgxpool.Pool
	events *outbox.Outbox
}

// selectProducts includes the variants as JSON, so that a page needs one query.
const selectProducts = `
SELECT p.id, p.tenant, p.name, p.description, p.brand, p.category, p.active, p.version, p.created_at, p.updated_at,
    coalesce((SELECT jsonb_agg(jsonb_build_object('sku', v.sku, 'name', v.name, 'price', v.price, 'currency', v.currency,
        'available', v.available) ORDER BY v.position) FROM variants v WHERE v.product_id = p.id), '[]')
FROM products p `

// queryer is a pool or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func queryProducts(ctx context.Context, q queryer, where string, args ...any) ([]product, error) {
	rows, err := q.Query(ctx, selectProducts+where, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[product])
}

func (s *store) product(ctx context.Context, id uuid.UUID) (product, error) {
	return productIn(ctx, s.pool, id)
}

func productIn(ctx context.Context, q queryer, id uuid.UUID) (product, error) {
	found, err := queryProducts(ctx, q, `WHERE p.id = $1`, id)
	if err != nil {
		return product{}, err
	}
	if len(found) == 0 {
		return product{}, notFound(id)
	}
	return found[0], nil
}

// filter selects active products; "" is any.
type filter struct{ Category, Brand string }

func (s *store) products(ctx context.Context, f filter, page httpx.Page) ([]product, error) {
	return queryProducts(ctx, s.pool, `
		WHERE p.active AND p.id < $1 AND ($2 = '' OR p.brand = $2)
		  AND ($3 = '' OR p.category IN (SELECT slug FROM categories WHERE $3 IN (slug, parent)))
		ORDER BY p.id DESC LIMIT $4`, page.Cursor, f.Brand, f.Category, page.Limit+1)
}

// offer is a variant with its product.
type offer struct {
	product product
	variant variant
}

func (s *store) offers(ctx context.Context, skus []string) ([]offer, error) {
	rows, err := s.pool.Query(ctx, `SELECT p.id, p.name, p.active, v.sku, v.name, v.price, v.currency, v.available
		FROM variants v JOIN products p ON p.id = v.product_id WHERE v.sku = ANY($1)`, skus)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (o offer, err error) {
		err = row.Scan(&o.product.ID, &o.product.Name, &o.product.Active, &o.variant.SKU, &o.variant.Name, &o.variant.Price,
			&o.variant.Currency, &o.variant.Available)
		return o, err
	})
}

func (s *store) create(ctx context.Context, tenant string, d draft) (product, error) {
	var created product
	id := uuid.Must(uuid.NewV7())
	err := s.events.Tx(ctx, func(tx *outbox.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO products (id, tenant, name, description, brand, category)
			VALUES ($1, $2, $3, $4, $5, $6)`, id, tenant, d.Name, d.Description, d.Brand, d.Category)
		if err != nil {
			return explainCategory(err, d)
		}
		created, err = s.putVariants(ctx, tx, id, d, "product.created")
		return err
	})
	return created, err
}

// replace changes a product of a tenant ("" for any). If version is not 0, it must be the current one.
func (s *store) replace(ctx context.Context, tenant string, id uuid.UUID, version int64, d draft) (product, error) {
	var changed product
	err := s.events.Tx(ctx, func(tx *outbox.Tx) error {
		if err := lock(ctx, tx, tenant, id, version); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE products SET name = $2, description = $3, brand = $4, category = $5, active = true,
			version = version + 1, updated_at = now() WHERE id = $1`, id, d.Name, d.Description, d.Brand, d.Category)
		if err != nil {
			return explainCategory(err, d)
		}
		changed, err = s.putVariants(ctx, tx, id, d, "product.updated")
		return err
	})
	return changed, err
}

// withdraw deactivates a product. It remains readable, because orders refer to it.
func (s *store) withdraw(ctx context.Context, tenant string, id uuid.UUID) error {
	return s.events.Tx(ctx, func(tx *outbox.Tx) error {
		if err := lock(ctx, tx, tenant, id, 0); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE products SET active = false, version = version + 1, updated_at = now()
			WHERE id = $1`, id)
		if err != nil {
			return err
		}
		p, err := productIn(ctx, tx, id)
		if err != nil {
			return err
		}
		return tx.Emit(ctx, kafka.ProductEvents, "product.deleted", id.String(), p.Tenant, p)
	})
}

func lock(ctx context.Context, tx pgx.Tx, tenant string, id uuid.UUID, version int64) error {
	var owner string
	var current int64
	err := tx.QueryRow(ctx, `SELECT tenant, version FROM products WHERE id = $1 FOR UPDATE`, id).Scan(&owner, &current)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return notFound(id)
	case err != nil:
		return err
	case tenant != "" && tenant != owner:
		return fault.New(fault.Forbidden, "the product belongs to another tenant")
	case version != 0 && version != current:
		return fault.New(fault.Conflict, "the product was changed: its current version is %d", current)
	}
	return nil
}

// putVariants replaces the product's variants with those of the draft, and emits an event.
func (s *store) putVariants(ctx context.Context, tx *outbox.Tx, id uuid.UUID, d draft, event string) (product, error) {
	skus := make([]string, len(d.Variants))
	batch := &pgx.Batch{}
	for i, v := range d.Variants {
		skus[i] = v.SKU
		batch.Queue(`INSERT INTO variants (sku, product_id, position, name, price, currency) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (sku) DO UPDATE SET position = excluded.position, name = excluded.name, price = excluded.price,
			currency = excluded.currency WHERE variants.product_id = excluded.product_id`,
			v.SKU, id, i, v.Name, v.Price, v.Currency)
	}
	batch.Queue(`DELETE FROM variants WHERE product_id = $1 AND sku <> ALL($2)`, id, skus)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return product{}, err
	}
	p, err := productIn(ctx, tx, id)
	if err != nil {
		return p, err
	}
	if len(p.Variants) != len(skus) {
		return p, fault.New(fault.Conflict, "a SKU belongs to another product")
	}
	return p, tx.Emit(ctx, kafka.ProductEvents, event, id.String(), p.Tenant, p)
}

// explainCategory converts an unknown category to an invalid field.
func explainCategory(err error, d draft) error {
	var state interface{ SQLState() string }
	if errors.As(err, &state) && state.SQLState() == "23503" { // foreign_key_violation
		return &fault.Error{
			Kind: fault.Invalid, Message: "the request is not valid", Cause: err,
			Fields: fault.Fields{"category": fmt.Sprintf("category %q not found", d.Category)},
		}
	}
	return err
}

func (s *store) setAvailable(ctx context.Context, event kafka.Event, sku string, available int64) error {
	return s.events.Once(ctx, event, func(tx *outbox.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE variants SET available = $2 WHERE sku = $1`, sku, available)
		return err
	})
}

func (s *store) categories(ctx context.Context) ([]category, error) {
	rows, err := s.pool.Query(ctx, `SELECT slug, name, parent FROM categories ORDER BY slug`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[category])
}

func (s *store) putCategory(ctx context.Context, c category) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO categories (slug, name, parent) VALUES ($1, $2, $3)
		ON CONFLICT (slug) DO UPDATE SET name = excluded.name, parent = excluded.parent`, c.Slug, c.Name, c.Parent)
	return err
}

func notFound(id uuid.UUID) error { return fault.New(fault.NotFound, "product %q not found", id) }
