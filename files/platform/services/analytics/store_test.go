//go:build integration

package analytics

import (
	"cmp"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"cloudlab.example/platform/internal/config"
)

// TestStore runs every statement on a real server, which TEST_CLICKHOUSE_ADDR names.
func TestStore(t *testing.T) {
	cfg := ClickHouse{
		Addr: address(t, "TEST_CLICKHOUSE_ADDR"), User: cmp.Or(os.Getenv("TEST_CLICKHOUSE_USER"), "default"),
		Password: config.Secret(os.Getenv("TEST_CLICKHOUSE_PASSWORD")),
	}
	testStore(t, func(database string) (*store, error) {
		cfg.Database = database
		return openStore(cfg)
	})
}

// TestStoreOnPinnedVersion does the same on the version that the catalogue pins, which TEST_CLICKHOUSE_PINNED_ADDR names. That is
// an engine without a server: tests/support/clickhouse_engine.py answers for it over HTTP.
func TestStoreOnPinnedVersion(t *testing.T) {
	addr := address(t, "TEST_CLICKHOUSE_PINNED_ADDR")
	testStore(t, func(database string) (*store, error) {
		conn, err := clickhouse.Open(&clickhouse.Options{
			Protocol: clickhouse.HTTP, Addr: []string{addr}, Auth: clickhouse.Auth{Database: database},
		})
		return &store{conn}, err
	})
}

func address(t *testing.T, variable string) string {
	addr := os.Getenv(variable)
	if addr == "" {
		t.Fatalf("%s is not set. Set it to host:port of a ClickHouse server in which tests may create databases", variable)
	}
	return addr
}

func testStore(t *testing.T, open func(database string) (*store, error)) {
	st, err := open("default")
	if err != nil {
		t.Fatal(err)
	}
	defer st.conn.Close()
	ctx := t.Context()
	database := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := st.conn.Exec(ctx, "CREATE DATABASE "+database); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.conn.Exec(context.Background(), "DROP DATABASE "+database) }()
	own, err := open(database)
	if err != nil {
		t.Fatal(err)
	}
	defer own.conn.Close()
	for range 2 { // migrating again changes nothing
		if err := own.migrate(ctx); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().UTC()
	placed := row{ID: uuid.New(), Type: "order.placed", Topic: "order.events", Aggregate: "o1", User: "u1", Amount: 500, OccurredAt: now}
	confirmed := placed
	confirmed.ID, confirmed.Type = uuid.New(), "order.confirmed"
	for range 3 { // a repeated batch counts once
		if err := own.insert(ctx, []row{placed, confirmed}); err != nil {
			t.Fatal(err)
		}
	}
	total, err := own.summary(ctx, 1)
	if err != nil || total != (summary{Events: 2, Placed: 1, Confirmed: 1, Revenue: 500, Customers: 1}) {
		t.Errorf("summary %+v, %v", total, err)
	}
	minutes, err := own.perMinute(ctx, 5)
	if err != nil || len(minutes) != 1 || minutes[0].Revenue != 500 || now.Sub(minutes[0].Minute) > 2*time.Minute {
		t.Errorf("minutes %+v, %v", minutes, err)
	}
	counts, err := own.counts(ctx, 1)
	if err != nil || counts["order.placed"] != 1 {
		t.Errorf("counts %v, %v", counts, err)
	}
	for _, of := range []string{"", "o1", "order.placed"} {
		if found, err := own.latest(ctx, of, 10); err != nil || len(found) == 0 || found[0].Aggregate != "o1" {
			t.Errorf("latest of %q: %+v, %v", of, found, err)
		}
	}
	found, err := own.latest(ctx, "order.placed", 10)
	if err != nil || len(found) != 1 || !found[0].OccurredAt.Equal(now.Truncate(time.Second)) {
		t.Fatalf("latest: %+v, %v", found, err)
	}
	found[0].OccurredAt = now
	if found[0] != (recorded{ID: placed.ID.String(), Type: placed.Type, Topic: placed.Topic, Aggregate: "o1", Amount: 500, OccurredAt: now}) {
		t.Errorf("latest: %+v", found[0])
	}
}
