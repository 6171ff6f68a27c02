// Package auth registers users, logs them in, and issues the tokens that every other service verifies. Accounts, roles and
// signing keys are stored in PostgreSQL, sessions in Redis.
package auth

import (
	"context"
	"embed"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
	"cloudlab.example/platform/internal/pg"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config are the settings of the service, read from the environment.
type Config struct {
	config.Common
	config.Tokens
	config.Postgres
	config.Kafka
	config.Redis
	AccessTTL  time.Duration `env:"ACCESS_TOKEN_TTL" envDefault:"15m"`
	SessionTTL time.Duration `env:"SESSION_TTL" envDefault:"720h"`
	// The first administrator. The account is created at start, and its password updated if it differs.
	AdminEmail    string        `env:"ADMIN_EMAIL"`
	AdminPassword config.Secret `env:"ADMIN_PASSWORD"`
	// Confidential clients: client ID and secret, "order:s3cret,notification:s3cret".
	Clients map[string]config.Secret `env:"OAUTH_CLIENTS"`
	// Public clients, which use PKCE: client ID and redirect URI, separated by "=".
	PublicClients map[string]string `env:"OAUTH_PUBLIC_CLIENTS" envKeyValSeparator:"=" envDefault:"web=http://localhost:3000/callback"`
}

// Service implements the routes.
type Service struct {
	cfg      Config
	accounts *accounts
	sessions *sessions
	keys     *keyring
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
	store := openRedis(a, cfg.Redis)
	s := newService(cfg, pool, outbox.New(a, pool, producer), store)
	a.Verify(s.keys, cfg.Tokens)
	a.Init("loading signing keys", s.keys.load)
	a.Init("creating the first administrator", s.ensureAdmin)
	a.Go("signing keys", s.keys.reload)
	s.routes(a.API)
	s.oauthRoutes(a.API)
	return nil
}

func newService(cfg Config, pool *pgxpool.Pool, events *outbox.Outbox, store keyValueStore) *Service {
	return &Service{
		cfg:      cfg,
		accounts: &accounts{pool: pool, events: events},
		sessions: &sessions{store: store, ttl: cfg.SessionTTL},
		keys:     &keyring{pool: pool, issuer: cfg.Issuer, audience: cfg.Audience},
	}
}

func openRedis(a *app.App, cfg config.Redis) keyValueStore {
	client := redis.NewClient(&redis.Options{
		Addr: cfg.Addr, Password: cfg.Password.Reveal(), DB: cfg.Database, ClientName: a.Name,
		DialTimeout: 2 * time.Second, ReadTimeout: 2 * time.Second, WriteTimeout: 2 * time.Second,
	})
	a.RequireCheck("redis", func(ctx context.Context) error { return client.Ping(ctx).Err() })
	a.OnClose(func(context.Context) error { return client.Close() })
	return redisStore{client}
}

func (s *Service) ensureAdmin(ctx context.Context) error {
	if s.cfg.AdminEmail == "" {
		return nil
	}
	return s.accounts.ensureAdmin(ctx, s.cfg.AdminEmail, s.cfg.AdminPassword.Reveal())
}
