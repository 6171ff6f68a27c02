// Package user manages profiles and tenants. Profiles of other tenants are invisible: every query filters by the tenant of the
// caller's token, and PostgreSQL's row level security enforces it.
package user

import (
	"context"
	"embed"

	userv1 "cloudlab.example/platform/api/user/v1"
	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
	"cloudlab.example/platform/internal/pg"

	"github.com/google/uuid"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config are the settings of the service, read from the environment.
type Config struct {
	config.Common
	config.Tokens
	config.Postgres
	config.Kafka
}

// Service implements the routes and the gRPC server.
type Service struct {
	userv1.UnimplementedUserServiceServer
	store *store
}

// Setup adds the service to the app.
func Setup(a *app.App, cfg Config) error {
	pool, err := pg.Open(a, cfg.Postgres, outbox.Migrations, pg.Migrations{Files: migrations})
	if err != nil {
		return err
	}
	producer, err := kafka.NewProducer(a, cfg.Kafka)
	if err != nil {
		return err
	}
	s := &Service{store: &store{events: outbox.New(a, pool, producer)}}
	a.VerifyRemote(cfg.Tokens)
	s.routes(a.API)
	userv1.RegisterUserServiceServer(a.GRPC, s)
	kafka.Each(a, cfg.Kafka, []string{kafka.AuthEvents}, s.onAuthEvent)
	return nil
}

// onAuthEvent creates the profile of a new account.
func (s *Service) onAuthEvent(ctx context.Context, event kafka.Event) error {
	switch event.Type {
	case "user.registered":
		var p profile
		if err := event.Decode(&p); err != nil {
			return err
		}
		return s.store.addProfile(ctx, event, p)
	case "tenant.created":
		return s.store.addTenant(ctx, event)
	}
	return nil
}

// GetContact implements the gRPC service.
func (s *Service) GetContact(ctx context.Context, request *userv1.GetContactRequest) (*userv1.Contact, error) {
	claims, err := auth.Caller(ctx)
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(request.GetUserId())
	if err != nil {
		return nil, fault.New(fault.Invalid, "user_id is not a UUID")
	}
	if !claims.Can(auth.UsersRead) && !mayRead(claims, id) {
		return nil, notFound(id)
	}
	p, err := s.store.profile(ctx, scopeOf(claims), id)
	if err != nil {
		return nil, err
	}
	return &userv1.Contact{
		UserId: p.ID.String(), TenantId: p.Tenant, Name: p.Name, Email: p.Email, Phone: p.Phone,
		Locale: p.Locale,
	}, nil
}

// mayRead reports whether a user may read a profile of the same tenant: its own, or any with the permission to manage users.
func mayRead(claims auth.Claims, id uuid.UUID) bool {
	return claims.Subject == id.String() || claims.Can(auth.UsersManage)
}

// scopeOf returns the tenant that a caller may access; services and platform administrators access all.
func scopeOf(claims auth.Claims) scope {
	if claims.Can(auth.UsersRead) {
		return everyTenant
	}
	return scope(claims.Tenant)
}

func notFound(id uuid.UUID) error { return fault.New(fault.NotFound, "user %q not found", id) }
