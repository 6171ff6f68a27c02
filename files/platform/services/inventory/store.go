package inventory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
)

type state string

const (
	held      state = "held"
	committed state = "committed"
	released  state = "released"
	expired   state = "expired"
)

// reservation is the stock reserved for an order.
type reservation struct {
	OrderID   uuid.UUID `json:"order_id"`
	State     state     `json:"state"`
	ExpiresAt time.Time `json:"expires_at"`
	Reason    string    `json:"reason,omitempty"`
}

// total is the stock of a SKU in all warehouses, as in events.
type total struct {
	SKU       string `json:"sku"`
	Tenant    string `json:"tenant"`
	OnHand    int64  `json:"on_hand"`
	Reserved  int64  `json:"reserved"`
	Available int64  `json:"available"`
}

type store struct {
	pool   *pgxpool.Pool
	events *outbox.Outbox
}

func (s *store) reserve(ctx context.Context, order uuid.UUID, quantities map[string]int64, ttl time.Duration) (reservation, error) {
	r := reservation{OrderID: order, State: held, ExpiresAt: time.Now().Add(ttl).UTC()}
	err := s.events.Tx(ctx, func(tx *outbox.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO reservations (order_id, state, expires_at) VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, order, held, r.ExpiresAt)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 { // a repeated call: return the existing reservation
			r, err = lockReservation(ctx, tx, order)
			if err == nil && (r.State == released || r.State == expired) {
				err = fault.New(fault.Precondition, "the reservation was %s", r.State)
			}
			return err
		}
		levels, err := lockStock(ctx, tx, slices.Collect(maps.Keys(quantities)))
		if err != nil {
			return err
		}
		plan, err := allocate(quantities, levels)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		for _, p := range plan {
			batch.Queue(`UPDATE stock SET reserved = reserved + $3 WHERE sku = $1 AND warehouse = $2`, p.SKU, p.Warehouse, p.Quantity)
			batch.Queue(`INSERT INTO reservation_items (order_id, sku, warehouse, quantity) VALUES ($1, $2, $3, $4)`,
				order, p.SKU, p.Warehouse, p.Quantity)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		return s.emitReservation(ctx, tx, r, slices.Collect(maps.Keys(quantities)))
	})
	return r, err
}

func (s *store) commit(ctx context.Context, order uuid.UUID) (reservation, error) {
	return s.transition(ctx, order, committed, "", func(r reservation) (string, error) {
		if r.State != held {
			return "", fault.New(fault.Precondition, "the reservation was %s", r.State)
		}
		return `UPDATE stock s SET on_hand = on_hand - i.quantity, reserved = reserved - i.quantity`, nil
	})
}

func (s *store) release(ctx context.Context, order uuid.UUID, reason string) (reservation, error) {
	// Without a reservation, store a released one, so that a delayed Reserve is rejected.
	_, err := s.pool.Exec(ctx, `INSERT INTO reservations (order_id, state, expires_at) VALUES ($1, $2, now())
		ON CONFLICT DO NOTHING`, order, released)
	if err != nil {
		return reservation{}, err
	}
	return s.transition(ctx, order, released, reason, func(r reservation) (string, error) {
		switch r.State {
		case held:
			return releaseHeld, nil
		case committed:
			return `UPDATE stock s SET on_hand = on_hand + i.quantity`, nil
		}
		return "", nil
	})
}

// releaseHeld releases the stock of a held reservation.
const releaseHeld = `UPDATE stock s SET reserved = reserved - i.quantity`

// transition changes the state of a reservation. step returns the statement that updates the stock, "" for none.
func (s *store) transition(ctx context.Context, order uuid.UUID, to state, reason string,
	step func(reservation) (update string, err error),
) (reservation, error) {
	var r reservation
	err := s.events.Tx(ctx, func(tx *outbox.Tx) (err error) {
		if r, err = lockReservation(ctx, tx, order); err != nil || r.State == to {
			return err
		}
		update, err := step(r)
		if err != nil || update == "" {
			return err
		}
		r.State, r.Reason = to, reason
		return s.apply(ctx, tx, r, update)
	})
	return r, err
}

// apply updates the stock of a reservation, and its state.
func (s *store) apply(ctx context.Context, tx *outbox.Tx, r reservation, update string) error {
	rows, err := tx.Query(ctx, `SELECT DISTINCT sku FROM reservation_items WHERE order_id = $1`, r.OrderID)
	if err != nil {
		return err
	}
	skus, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if _, err := lockStock(ctx, tx, skus); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, update+` FROM reservation_items i
		WHERE i.order_id = $1 AND i.sku = s.sku AND i.warehouse = s.warehouse`, r.OrderID)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE reservations SET state = $2, updated_at = now() WHERE order_id = $1`, r.OrderID, r.State)
	if err != nil {
		return err
	}
	return s.emitReservation(ctx, tx, r, skus)
}

// emitReservation emits events for the reservation and the stock of its SKUs.
func (s *store) emitReservation(ctx context.Context, tx *outbox.Tx, r reservation, skus []string) error {
	err := tx.Emit(ctx, kafka.InventoryEvents, "reservation."+string(r.State), r.OrderID.String(), "", r)
	if err != nil {
		return err
	}
	return s.emitStock(ctx, tx, skus)
}

func (s *store) emitStock(ctx context.Context, tx *outbox.Tx, skus []string) error {
	totals, err := s.totals(ctx, tx, skus)
	if err != nil {
		return err
	}
	for _, t := range totals {
		if err := tx.Emit(ctx, kafka.InventoryEvents, "stock.changed", t.SKU, t.Tenant, t); err != nil {
			return err
		}
	}
	return nil
}

// expire releases up to 100 expired reservations. Replicas share the work.
func (s *store) expire(ctx context.Context) (int, error) {
	count := 0
	err := s.events.Tx(ctx, func(tx *outbox.Tx) error {
		rows, err := tx.Query(ctx, `SELECT order_id, state, expires_at, '' FROM reservations
			WHERE state = 'held' AND expires_at < now() ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED`)
		if err != nil {
			return err
		}
		due, err := pgx.CollectRows(rows, pgx.RowToStructByPos[reservation])
		if err != nil {
			return err
		}
		for _, r := range due {
			r.State = expired
			if err := s.apply(ctx, tx, r, releaseHeld); err != nil {
				return err
			}
		}
		count = len(due)
		return nil
	})
	return count, err
}

func lockReservation(ctx context.Context, tx pgx.Tx, order uuid.UUID) (reservation, error) {
	r := reservation{OrderID: order}
	err := tx.QueryRow(ctx, `SELECT state, expires_at FROM reservations WHERE order_id = $1 FOR UPDATE`, order).
		Scan(&r.State, &r.ExpiresAt)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.Precondition, "order %s has no reservation", order)
	}
	return r, err
}

// lockStock locks rows in a fixed order, so that concurrent orders do not deadlock.
func lockStock(ctx context.Context, tx pgx.Tx, skus []string) ([]level, error) {
	rows, err := tx.Query(ctx, `SELECT sku, warehouse, on_hand, reserved FROM stock WHERE sku = ANY($1)
		ORDER BY sku, warehouse FOR UPDATE`, skus)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[level])
}

// queryer is a pool or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (s *store) totals(ctx context.Context, q queryer, skus []string) ([]total, error) {
	rows, err := q.Query(ctx, `SELECT k.sku, k.tenant, coalesce(sum(on_hand), 0)::bigint, coalesce(sum(reserved), 0)::bigint,
		coalesce(sum(on_hand - reserved), 0)::bigint
		FROM skus k LEFT JOIN stock s USING (sku) WHERE k.sku = ANY($1) GROUP BY k.sku, k.tenant ORDER BY k.sku`, skus)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[total])
}

func (s *store) levels(ctx context.Context, sku string) ([]level, error) {
	rows, err := s.pool.Query(ctx, `SELECT sku, warehouse, on_hand, reserved FROM stock WHERE sku = $1 ORDER BY warehouse`, sku)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[level])
}

// adjust changes the quantity on hand. tenant must own the SKU; "" may adjust any SKU, and creates it if necessary.
func (s *store) adjust(ctx context.Context, tenant, sku, warehouse string, delta int64) (total, error) {
	var after total
	err := s.events.Tx(ctx, func(tx *outbox.Tx) error {
		if err := s.checkOwner(ctx, tx, tenant, sku); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO stock (sku, warehouse) VALUES ($1, $2) ON CONFLICT DO NOTHING`, sku, warehouse)
		if err != nil {
			return onConstraintViolation(err, fault.New(fault.NotFound, "warehouse %q not found", warehouse))
		}
		_, err = tx.Exec(ctx, `UPDATE stock SET on_hand = on_hand + $3 WHERE sku = $1 AND warehouse = $2`, sku, warehouse, delta)
		if err != nil {
			return onConstraintViolation(err, fault.New(fault.Precondition, "not enough unreserved stock on hand"))
		}
		if err := s.emitStock(ctx, tx, []string{sku}); err != nil {
			return err
		}
		totals, err := s.totals(ctx, tx, []string{sku})
		if err == nil {
			after = totals[0]
		}
		return err
	})
	return after, err
}

func (s *store) checkOwner(ctx context.Context, tx pgx.Tx, tenant, sku string) error {
	if tenant == "" {
		_, err := tx.Exec(ctx, `INSERT INTO skus (sku, tenant) VALUES ($1, 'platform') ON CONFLICT DO NOTHING`, sku)
		return err
	}
	var owner string
	err := tx.QueryRow(ctx, `SELECT tenant FROM skus WHERE sku = $1`, sku).Scan(&owner)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && owner != tenant) {
		return fault.New(fault.NotFound, "SKU %q of tenant %s not found. A new SKU may take a moment to appear", sku, tenant)
	}
	return err
}

// onConstraintViolation returns violation for a constraint violation (SQLSTATE class 23), and other errors unchanged.
func onConstraintViolation(err, violation error) error {
	var state interface{ SQLState() string }
	if errors.As(err, &state) && state.SQLState()[:2] == "23" {
		return violation
	}
	return err
}

func (s *store) addSKUs(ctx context.Context, event kafka.Event, product uuid.UUID, tenant string, skus []string) error {
	return s.events.Once(ctx, event, func(tx *outbox.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO skus (sku, tenant, product_id) SELECT unnest($1::text[]), $2, $3
			ON CONFLICT (sku) DO UPDATE SET tenant = excluded.tenant, product_id = excluded.product_id`, skus, tenant, product)
		return err
	})
}

type warehouse struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

func (s *store) warehouses(ctx context.Context) ([]warehouse, error) {
	rows, err := s.pool.Query(ctx, `SELECT code, name FROM warehouses ORDER BY code`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[warehouse])
}

func (s *store) putWarehouse(ctx context.Context, w warehouse) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO warehouses (code, name) VALUES ($1, $2)
		ON CONFLICT (code) DO UPDATE SET name = excluded.name`, w.Code, w.Name)
	return err
}
