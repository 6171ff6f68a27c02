// Package pg opens a service's PostgreSQL schema and migrates it.
package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/prometheus/client_golang/prometheus"

	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/config"
)

// Migrations is a set of SQL files in the directory "migrations" of an embedded file system. Each set has its own version
// table, so that a service and the packages it uses, such as outbox, migrate independently.
type Migrations struct {
	Files fs.FS
	Table string // version table; "" is goose's default
}

// Open connects lazily: the pool is usable at once, and its calls fail while the server is unavailable. The migrations run as
// Init tasks; the connection is a readiness check.
func Open(a *app.App, cfg config.Postgres, migrations ...Migrations) (*pgxpool.Pool, error) {
	settings, err := pgxpool.ParseConfig(cfg.URL.Reveal())
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err) // pgx leaves the password out
	}
	settings.MaxConns = cfg.MaxConns
	settings.MinIdleConns = 1
	settings.MaxConnIdleTime = 5 * time.Minute
	settings.ConnConfig.ConnectTimeout = 3 * time.Second
	settings.ConnConfig.RuntimeParams["application_name"] = a.Name
	settings.ConnConfig.Tracer = tracer{}
	pool, err := pgxpool.NewWithConfig(context.Background(), settings)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	registerMetrics(pool)
	a.RequireCheck("postgres", pool.Ping)
	a.OnClose(func(context.Context) error { pool.Close(); return nil })
	for _, m := range migrations {
		a.Init("running migrations", func(ctx context.Context) error { return Migrate(ctx, pool, m) })
	}
	return pool, nil
}

// Migrate brings the schema up to date. Replicas that start together wait for an advisory lock per schema; other services do
// not.
func Migrate(ctx context.Context, pool *pgxpool.Pool, m Migrations) error {
	schema, err := ensureSchema(ctx, pool)
	if err != nil {
		return err
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(schema + "/" + m.Table))
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(int64(hash.Sum32())), lock.WithLockTimeout(1, 60))
	if err != nil {
		return err
	}
	files, err := fs.Sub(m.Files, "migrations")
	if err != nil {
		return err
	}
	options := []goose.ProviderOption{goose.WithSessionLocker(locker)}
	if m.Table != "" {
		options = append(options, goose.WithTableName(m.Table))
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, options...)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("schema %s: %w", schema, err)
	}
	return nil
}

// ensureSchema returns the schema that the DSN's search_path names. It creates the schema if it does not exist, which
// requires the permission to.
func ensureSchema(ctx context.Context, pool *pgxpool.Pool) (string, error) {
	var schema sql.NullString
	var path string
	err := pool.QueryRow(ctx, `SELECT current_schema(), current_setting('search_path')`).Scan(&schema, &path)
	if err != nil || schema.Valid {
		return schema.String, err
	}
	if _, err := pool.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{path}.Sanitize()); err != nil {
		return "", fmt.Errorf("search_path of DATABASE_URL names the schema %q, which does not exist: %w", path, err)
	}
	return path, nil
}

// registerMetrics exports the usage of the pool. Only the first pool of a process is exported; tests open several.
func registerMetrics(pool *pgxpool.Pool) {
	gauges := map[string]func(*pgxpool.Stat) float64{
		"pg_pool_acquired_connections": func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) },
		"pg_pool_open_connections":     func(s *pgxpool.Stat) float64 { return float64(s.TotalConns()) },
		"pg_pool_max_connections":      func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) },
	}
	for name, value := range gauges {
		gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: "Connections of the PostgreSQL pool."},
			func() float64 { return value(pool.Stat()) })
		var registered prometheus.AlreadyRegisteredError
		if err := prometheus.Register(gauge); err != nil && !errors.As(err, &registered) {
			panic(err) // an invalid metric: any test finds it
		}
	}
}
