// Package content stores media and serves it like a CDN: immutable, cacheable, with range requests, and private media by
// signed URLs that expire. The content is in PostgreSQL, so that all replicas share it and one backup contains everything.
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

// Config are the settings of the service, read from the environment.
type Config struct {
	config.Common
	config.Tokens
	config.Postgres
	config.Kafka
	SigningKey config.Secret `env:"CONTENT_SIGNING_KEY,required,notEmpty"`
	MaxBytes   int64         `env:"CONTENT_MAX_BYTES" envDefault:"10485760"`
	// PublicURL is the prefix of signed URLs; if it is empty, they are relative.
	PublicURL string `env:"CONTENT_PUBLIC_URL"`
}

// Service implements the routes.
type Service struct {
	store     mediaStore
	signer    signer
	maxBytes  int64
	publicURL string
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

// serveContent supports ETag, If-None-Match, If-Modified-Since, Range and If-Range.
func serveContent(w http.ResponseWriter, r *http.Request, m media, data io.ReadSeeker) {
	http.ServeContent(w, r, "", m.CreatedAt.Truncate(time.Second), data)
}
