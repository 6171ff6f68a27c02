// Package config reads a service's settings from the environment, once, into one struct per service.
package config

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/caarlos0/env/v11"
)

// Secret is a setting that never appears in logs or error messages.
type Secret string

// String hides the value from fmt. Use Reveal to read it.
func (Secret) String() string { return "***" }

// MarshalText hides the value from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// Common are the settings of every service.
type Common struct {
	HTTPAddr        string        `env:"HTTP_ADDR" envDefault:":8080"`
	GRPCAddr        string        `env:"GRPC_ADDR" envDefault:":9090"`
	LogLevel        slog.Level    `env:"LOG_LEVEL" envDefault:"INFO"`
	ShutdownTimeout time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"7s"`
}

// Tokens configures which tokens a service accepts.
type Tokens struct {
	JWKSURL  string `env:"AUTH_JWKS_URL" envDefault:"http://auth:8080/.well-known/jwks.json"`
	Issuer   string `env:"AUTH_ISSUER" envDefault:"http://auth:8080"`
	Audience string `env:"AUTH_AUDIENCE" envDefault:"platform"`
}

// Client are the OAuth2 client credentials of a service.
type Client struct {
	TokenURL string `env:"AUTH_TOKEN_URL" envDefault:"http://auth:8080/oauth2/token"`
	ID       string `env:"AUTH_CLIENT_ID,required"`
	Secret   Secret `env:"AUTH_CLIENT_SECRET,required"`
}

// Postgres is the connection to the service's schema, which the DSN's search_path names.
type Postgres struct {
	URL      Secret `env:"DATABASE_URL,required"`
	MaxConns int32  `env:"DATABASE_MAX_CONNS" envDefault:"8"`
}

// Kafka is the connection to the event broker.
type Kafka struct {
	Brokers []string `env:"KAFKA_BROKERS" envDefault:"kafka:9092"`
	// InstanceID makes the process a static group member: a restart resumes its partitions without a rebalance.
	// It must differ between replicas. The default is the host name, which is unique per container.
	InstanceID string `env:"KAFKA_INSTANCE_ID"`
}

// Redis is the connection to the session store.
type Redis struct {
	Addr     string `env:"REDIS_ADDR" envDefault:"redis:6379"`
	Password Secret `env:"REDIS_PASSWORD"`
	Database int    `env:"REDIS_DATABASE" envDefault:"0"`
}

// Load reads a configuration struct from the environment. The error names every missing or malformed variable.
func Load[T any]() (T, error) {
	cfg, err := env.ParseAs[T]()
	if err != nil {
		return cfg, fmt.Errorf("configuration: %w", err)
	}
	return cfg, nil
}
