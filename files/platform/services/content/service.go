// Package content keeps media and serves it as a CDN would: immutable, cacheable, by range, and private media by signed,
// expiring URLs. The bytes are in PostgreSQL: every replica has them, and one backup holds everything.
package content

import (
	"embed"
	"io"
	"net/http"
	"time"

	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
	"cloudlab.example/platform/internal/pg"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config is the service's environment.
type Config struct {
	config.Common
	config.Tokens
	config.Postgres
	config.Kafka
	SigningKey config.Secret `env:"CONTENT_SIGNING_KEY,required,notEmpty"`
	MaxBytes   int64         `env:"CONTENT_MAX_BYTES" envDefault:"10485760"`
	// PublicURL comes before signed paths; empty makes them relative.
	PublicURL string `env:"CONTENT_PUBLIC_URL"`
}

// Service is what the routes work with.
type Service struct {
	store     library
	signer    signer
	maxBytes  int64
	publicURL string
}

// Setup wires the service together.
func Setup(a *app.App, cfg Config) error {
	pool, err := pg.Open(a, cfg.Postgres, outbox.Migrations, pg.Migrations{Files: migrations})
	if err != nil {
		return err
	}
	producer, err := kafka.NewProducer(a, cfg.Kafka)
	if err != nil {
		return err
	}
	s := &Service{
		store: &store{pool: pool, events: outbox.New(a, pool, producer)}, signer: newSigner(cfg.SigningKey.Reveal()),
		maxBytes: cfg.MaxBytes, publicURL: cfg.PublicURL,
	}
	a.VerifyRemote(cfg.Tokens)
	s.routes(a.API)
	return nil
}

func (s *Service) routes(mux *httpx.Mux) {
	mux.Handle("POST /api/v1/media", s.upload)
	mux.Handle("GET /api/v1/media", s.list)
	mux.Handle("GET /api/v1/media/{id}", s.get)
	mux.Handle("DELETE /api/v1/media/{id}", s.remove)
	mux.Handle("GET /api/v1/media/{id}/content", s.content)
	mux.Handle("POST /api/v1/media/{id}/signed-url", s.signURL)
}

// serveBytes is net/http's own: ETag, If-None-Match, If-Modified-Since, Range and If-Range.
func serveBytes(w http.ResponseWriter, r *http.Request, m media, data io.ReadSeeker) {
	http.ServeContent(w, r, "", m.CreatedAt.Truncate(time.Second), data)
}
