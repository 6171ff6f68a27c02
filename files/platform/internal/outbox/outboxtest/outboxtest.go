// Package outboxtest sets up a service's store for a test.
package outboxtest

import (
	"io/fs"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"cloudlab.example/platform/internal/outbox"
	"cloudlab.example/platform/internal/pg"
	"cloudlab.example/platform/internal/pg/pgtest"
)

// New returns a pool on a new schema with the service's migrations, and an outbox whose events stay in it.
func New(t *testing.T, migrations fs.FS) (*pgxpool.Pool, *outbox.Outbox) {
	t.Helper()
	pool := pgtest.New(t, outbox.Migrations, pg.Migrations{Files: migrations})
	return pool, outbox.NewWithoutRelay(pool)
}
