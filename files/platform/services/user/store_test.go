//go:build integration

package user

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	userv1 "cloudlab.example/platform/api/user/v1"
	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
	"cloudlab.example/platform/internal/outbox/outboxtest"
)

// newService returns a service with two tenants that have one user each.
func newService(t *testing.T) (s *Service, ada, bob uuid.UUID) {
	t.Helper()
	_, events := outboxtest.New(t, migrations)
	s = &Service{store: &store{events: events}}
	ada, bob = uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	for id, tenant := range map[uuid.UUID]string{ada: "t1", bob: "t2"} {
		data, _ := json.Marshal(profile{ID: id, Tenant: tenant, Email: tenant + "@x", Name: tenant})
		event := kafka.Event{ID: uuid.New(), Topic: kafka.AuthEvents, Type: "user.registered", Data: data}
		for range 2 {
			if err := s.onAuthEvent(t.Context(), event); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s, ada, bob
}

func TestTenantIsolation(t *testing.T) {
	s, ada, bob := newService(t)
	ctx := t.Context()
	if p, err := s.store.profile(ctx, "t1", ada); err != nil || p.Name != "t1" {
		t.Errorf("own: %+v, %v", p, err)
	}
	if _, err := s.store.profile(ctx, "t1", bob); fault.KindOf(err) != fault.NotFound {
		t.Errorf("get: %v", err)
	}
	name := "stolen"
	if _, err := s.store.update(ctx, "t1", bob, change{Name: &name}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("update: %v", err)
	}
	found, err := s.store.profiles(ctx, "t1", httpx.Page{Limit: 10, Cursor: uuid.Max})
	if err != nil || len(found) != 1 || found[0].ID != ada {
		t.Errorf("list: %+v, %v", found, err)
	}
	if _, err := s.store.profile(ctx, everyTenant, bob); err != nil {
		t.Errorf("a service: %v", err)
	}
}

// TestRowLevelSecurity queries without a condition, like a faulty query. It uses a role that is not a superuser, because row
// level security does not apply to superusers.
func TestRowLevelSecurity(t *testing.T) {
	s, _, _ := newService(t)
	err := s.store.inTenant(t.Context(), "t1", func(tx *outbox.Tx) error {
		role := "reader_" + strings.ReplaceAll(uuid.NewString(), "-", "")
		var schema string
		if err := tx.QueryRow(t.Context(), `SELECT current_schema()`).Scan(&schema); err != nil {
			return err
		}
		for _, statement := range []string{
			"CREATE ROLE " + role, "GRANT USAGE ON SCHEMA " + schema + " TO " + role,
			"GRANT SELECT ON profiles TO " + role, "SET LOCAL ROLE " + role,
		} {
			if _, err := tx.Exec(t.Context(), statement); err != nil {
				return err
			}
		}
		var visible int
		if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM profiles`).Scan(&visible); err != nil {
			return err
		}
		if visible != 1 {
			t.Errorf("%d of 1 profiles visible", visible)
		}
		return pgx.ErrTxCommitRollback // drop the role
	})
	if err != pgx.ErrTxCommitRollback { //nolint:errorlint // our own, unwrapped
		t.Fatal(err)
	}
}

func TestGetContact(t *testing.T) {
	s, ada, bob := newService(t)
	as := func(tenant string, permissions ...string) auth.Claims {
		return auth.Claims{Tenant: tenant, Permissions: permissions}
	}
	for name, test := range map[string]struct {
		claims auth.Claims
		of     uuid.UUID
		kind   fault.Kind
	}{
		"a service":                  {as("platform", auth.UsersRead), bob, 0},
		"an owner":                   {as("t1", auth.UsersManage), ada, 0},
		"an owner of another tenant": {as("t1", auth.UsersManage), bob, fault.NotFound},
		"a customer":                 {as("t1"), ada, fault.NotFound},
	} {
		_, err := s.GetContact(auth.WithClaims(t.Context(), test.claims), &userv1.GetContactRequest{UserId: test.of.String()})
		if (err != nil) != (test.kind != 0) || (err != nil && fault.KindOf(err) != test.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
