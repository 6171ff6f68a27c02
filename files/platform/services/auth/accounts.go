package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/bcrypt"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
)

const (
	defaultTenant  = "default"
	platformTenant = "platform"
	roleAdmin      = "admin"
	roleOwner      = "owner"
	roleCustomer   = "customer"
	roleService    = "service"
)

// user is an account, as clients and events see it.
type user struct {
	ID           uuid.UUID `json:"id"`
	Tenant       string    `json:"tenant"`
	Email        string    `json:"email"`
	Name         string    `json:"name"`
	Phone        string    `json:"phone,omitempty"`
	Roles        []string  `json:"roles"`
	Disabled     bool      `json:"disabled"`
	CreatedAt    time.Time `json:"created_at"`
	PasswordHash string    `json:"-"`
}

const userColumns = `id, tenant, email, name, phone, roles, disabled, created_at, password_hash`

func scanUser(row pgx.CollectableRow) (user, error) {
	var u user
	err := row.Scan(&u.ID, &u.Tenant, &u.Email, &u.Name, &u.Phone, &u.Roles, &u.Disabled, &u.CreatedAt, &u.PasswordHash)
	return u, err
}

// accounts stores users, tenants and roles.
type accounts struct {
	pool   *pgxpool.Pool
	events *outbox.Outbox
}

// newAccount is a validated registration.
type newAccount struct {
	Email, Password, Name, Phone string
	Tenant                       string
	NewTenant                    bool
	Roles                        []string
}

// create stores the account. A new tenant is owned by its first user.
func (s *accounts) create(ctx context.Context, n newAccount) (user, error) {
	hash, err := hashPassword(n.Password)
	if err != nil {
		return user{}, err
	}
	u := user{
		ID: uuid.Must(uuid.NewV7()), Tenant: n.Tenant, Email: strings.ToLower(n.Email), Name: n.Name, Phone: n.Phone,
		Roles: n.Roles, CreatedAt: time.Now().UTC(), PasswordHash: hash,
	}
	err = s.events.Tx(ctx, func(tx *outbox.Tx) error {
		if n.NewTenant {
			if _, err := tx.Exec(ctx, `INSERT INTO tenants (id) VALUES ($1)`, n.Tenant); err != nil {
				return wrapConflict(err, "tenant %s already exists. Ask its owner for an invitation", n.Tenant)
			}
			err := tx.Emit(ctx, kafka.AuthEvents, "tenant.created", n.Tenant, n.Tenant, map[string]any{"id": n.Tenant, "owner": u.ID})
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO users (`+userColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			u.ID, u.Tenant, u.Email, u.Name, u.Phone, u.Roles, u.Disabled, u.CreatedAt, u.PasswordHash)
		if err != nil {
			return wrapConflict(err, "an account for %s already exists", u.Email)
		}
		return tx.Emit(ctx, kafka.AuthEvents, "user.registered", u.ID.String(), u.Tenant, u)
	})
	return u, err
}

// wrapConflict adds a message to a conflict and returns other errors unchanged.
func wrapConflict(err error, format string, args ...any) error {
	if fault.KindOf(err) == fault.Conflict {
		return fault.Wrap(fault.Conflict, err, format, args...)
	}
	return err
}

// ensureAdmin creates the first administrator, or applies a changed password.
func (s *accounts) ensureAdmin(ctx context.Context, email, password string) error {
	u, err := s.byEmail(ctx, email)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		_, err = s.create(ctx, newAccount{
			Email: email, Password: password, Name: "Administrator",
			Tenant: platformTenant, Roles: []string{roleAdmin},
		})
		if fault.KindOf(err) == fault.Conflict {
			return nil // another replica was faster
		}
		return err
	case err != nil, bcrypt.CompareHashAndPassword([]byte(u.PasswordHash), []byte(password)) == nil:
		return err
	}
	hash, err := hashPassword(password)
	if err != nil {
		return err
	}
	_, err = s.pool.Exec(ctx, `UPDATE users SET password_hash = $2 WHERE id = $1`, u.ID, hash)
	return err
}

// unknownHash is compared with if the account does not exist, so that the response takes equally long.
var unknownHash = sync.OnceValue(func() []byte {
	hash, _ := bcrypt.GenerateFromPassword([]byte("nobody's password"), bcrypt.DefaultCost)
	return hash
})

// authenticate returns the account if the password is correct.
func (s *accounts) authenticate(ctx context.Context, email, password string) (user, error) {
	wrong := fault.New(fault.Unauthenticated, "email or password is wrong")
	u, err := s.byEmail(ctx, email)
	if fault.KindOf(err) == fault.NotFound {
		_ = bcrypt.CompareHashAndPassword(unknownHash(), []byte(password))
		return u, wrong
	}
	if err != nil {
		return u, err
	}
	if bcrypt.CompareHashAndPassword([]byte(u.PasswordHash), []byte(password)) != nil || u.Disabled {
		return u, wrong
	}
	return u, nil
}

func (s *accounts) byEmail(ctx context.Context, email string) (user, error) {
	return s.queryUser(ctx, `SELECT `+userColumns+` FROM users WHERE email = $1`, strings.ToLower(email))
}

func (s *accounts) byID(ctx context.Context, id string) (user, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return user{}, fault.New(fault.NotFound, "account %q not found", id)
	}
	return s.queryUser(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`, parsed)
}

func (s *accounts) queryUser(ctx context.Context, query string, args ...any) (user, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return user{}, err
	}
	u, err := pgx.CollectExactlyOneRow(rows, scanUser)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "account not found")
	}
	return u, err
}

// permissions returns the permissions of the roles, without duplicates.
func (s *accounts) permissions(ctx context.Context, roles []string) ([]string, error) {
	rows, err := s.pool.Query(ctx,
		`SELECT DISTINCT p FROM roles, unnest(permissions) AS p WHERE name = ANY($1) ORDER BY p`, roles)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// role is a named set of permissions.
type role struct {
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
}

func (s *accounts) roles(ctx context.Context) ([]role, error) {
	rows, err := s.pool.Query(ctx, `SELECT name, permissions FROM roles ORDER BY name`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[role])
}

func (s *accounts) putRole(ctx context.Context, r role) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO roles (name, permissions) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET permissions = excluded.permissions`, r.Name, r.Permissions)
	return err
}

// setRoles replaces the roles of a user. Tokens issued from then on contain them.
func (s *accounts) setRoles(ctx context.Context, id uuid.UUID, roles []string) error {
	tag, err := s.pool.Exec(ctx, `UPDATE users SET roles = $2 WHERE id = $1
		AND (SELECT count(*) FROM roles WHERE name = ANY($2)) = cardinality($2::text[])`, id, roles)
	if err == nil && tag.RowsAffected() == 0 {
		err = fault.New(fault.NotFound, "account or role not found")
	}
	return err
}

func hashPassword(password string) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	return string(hash), err
}
