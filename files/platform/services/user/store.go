package user

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
)

// scope is the tenant that a transaction may access.
type scope string

const everyTenant scope = "*"

// profile is the profile of a user in responses and events.
type profile struct {
	ID        uuid.UUID `json:"id"`
	Tenant    string    `json:"tenant"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Phone     string    `json:"phone"`
	Locale    string    `json:"locale"`
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
}

// tenant is a customer of the platform.
type tenant struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	UpdatedAt time.Time `json:"updated_at"`
}

const profileColumns = `id, tenant, email, name, phone, locale, version, updated_at`

type store struct{ events *outbox.Outbox }

// inTenant runs fn in a transaction that may access one tenant only.
func (s *store) inTenant(ctx context.Context, of scope, fn func(tx *outbox.Tx) error) error {
	return s.events.Tx(ctx, func(tx *outbox.Tx) error {
		if err := setTenant(ctx, tx, of); err != nil {
			return err
		}
		return fn(tx)
	})
}

func setTenant(ctx context.Context, tx pgx.Tx, to scope) error {
	_, err := tx.Exec(ctx, `SELECT set_config('app.tenant', $1, true)`, string(to))
	return err
}

func (s *store) profile(ctx context.Context, of scope, id uuid.UUID) (profile, error) {
	var found profile
	err := s.inTenant(ctx, of, func(tx *outbox.Tx) (err error) {
		found, err = queryProfile(ctx, tx, `SELECT `+profileColumns+` FROM profiles WHERE id = $1 AND $2 IN (tenant, '*')`, id, string(of))
		return err
	})
	return found, err
}

func queryProfile(ctx context.Context, tx *outbox.Tx, query string, args ...any) (profile, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return profile{}, err
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[profile])
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "user not found")
	}
	return found, err
}

func (s *store) profiles(ctx context.Context, of scope, page httpx.Page) ([]profile, error) {
	var found []profile
	err := s.inTenant(ctx, of, func(tx *outbox.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+profileColumns+` FROM profiles
			WHERE $1 IN (tenant, '*') AND id < $2 ORDER BY id DESC LIMIT $3`, string(of), page.Cursor, page.Limit+1)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[profile])
		return err
	})
	return found, err
}

// change is an update of a profile; nil leaves a field unchanged.
type change struct {
	Name   *string `json:"name"`
	Phone  *string `json:"phone"`
	Locale *string `json:"locale"`
}

func (s *store) update(ctx context.Context, of scope, id uuid.UUID, c change) (profile, error) {
	var changed profile
	err := s.inTenant(ctx, of, func(tx *outbox.Tx) (err error) {
		changed, err = queryProfile(ctx, tx, `UPDATE profiles SET name = coalesce($3, name), phone = coalesce($4, phone),
			locale = coalesce($5, locale), version = version + 1, updated_at = now()
			WHERE id = $1 AND $2 IN (tenant, '*') RETURNING `+profileColumns, id, string(of), c.Name, c.Phone, c.Locale)
		if err != nil {
			return err
		}
		return tx.Emit(ctx, kafka.UserEvents, "profile.updated", changed.ID.String(), changed.Tenant, changed)
	})
	return changed, err
}

func (s *store) addProfile(ctx context.Context, event kafka.Event, p profile) error {
	return s.events.Once(ctx, event, func(tx *outbox.Tx) error {
		if err := setTenant(ctx, tx, everyTenant); err != nil {
			return err
		}
		created, err := queryProfile(ctx, tx, `INSERT INTO profiles (id, tenant, email, name, phone) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET email = excluded.email RETURNING `+profileColumns,
			p.ID, p.Tenant, p.Email, p.Name, p.Phone)
		if err != nil {
			return err
		}
		return tx.Emit(ctx, kafka.UserEvents, "profile.created", created.ID.String(), created.Tenant, created)
	})
}

func (s *store) addTenant(ctx context.Context, event kafka.Event) error {
	return s.events.Once(ctx, event, func(tx *outbox.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO tenants (id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING`, event.Key)
		return err
	})
}

// tenant returns the tenant, and first renames it unless rename is empty.
func (s *store) tenant(ctx context.Context, id, rename string) (tenant, error) {
	var found tenant
	err := s.events.Tx(ctx, func(tx *outbox.Tx) error {
		if rename != "" {
			if _, err := tx.Exec(ctx, `UPDATE tenants SET name = $2, updated_at = now() WHERE id = $1`, id, rename); err != nil {
				return err
			}
			if err := tx.Emit(ctx, kafka.UserEvents, "tenant.renamed", id, id, map[string]string{"id": id, "name": rename}); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, `SELECT id, name, updated_at FROM tenants WHERE id = $1`, id).
			Scan(&found.ID, &found.Name, &found.UpdatedAt)
	})
	return found, err
}
