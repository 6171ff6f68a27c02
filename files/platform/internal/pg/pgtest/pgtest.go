// Package pgtest creates a schema per test in a real PostgreSQL.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cloudlab.example/platform/internal/pg"
)

// Variable is the DSN of the server that tests use. Tests that need it have the build tag `integration`;
// `scripts/test.sh --only platform-stores` starts the server and sets it.
const Variable = "TEST_DATABASE_URL"

// New creates a schema, migrates it, and drops it after the test.
func New(t *testing.T, migrations ...pg.Migrations) *pgxpool.Pool {
	t.Helper()
	dsn := os.Getenv(Variable)
	if dsn == "" {
		t.Fatalf("%s is not set. Set it to the DSN of a PostgreSQL server in which tests may create schemas", Variable)
	}
	address, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("%s: %v", Variable, err)
	}
	schema := fmt.Sprintf("test_%d", time.Now().UnixNano())
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	pool, err := pgxpool.New(t.Context(), address.String())
	if err != nil {
		t.Fatalf("%s: %v", Variable, err)
	}
	t.Cleanup(func() {
		_, err := pool.Exec(context.Background(), "DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE")
		if err != nil {
			t.Errorf("drop %s: %v", schema, err)
		}
		pool.Close()
	})
	for _, m := range migrations {
		if err := pg.Migrate(t.Context(), pool, m); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}
