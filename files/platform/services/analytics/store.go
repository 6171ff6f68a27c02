package analytics

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
)

// ClickHouse is the connection to the server.
type ClickHouse struct {
	Addr     string        `env:"CLICKHOUSE_ADDR" envDefault:"clickhouse:9000"`
	Database string        `env:"CLICKHOUSE_DATABASE" envDefault:"analytics"`
	User     string        `env:"CLICKHOUSE_USER" envDefault:"default"`
	Password config.Secret `env:"CLICKHOUSE_PASSWORD"`
}

// createEvents works on servers since 18.16: no LowCardinality, DateTime64, TTL or codecs, and parameters bound by the client.
const createEvents = `
CREATE TABLE IF NOT EXISTS events (
    event_id     UUID,
    event_type   String,
    topic        String,
    aggregate_id String,
    tenant       String,
    user_id      String,
    amount       Int64,
    currency     String,
    request_id   String,
    occurred_at  DateTime,
    data         String
) ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (event_type, occurred_at, event_id)`

type store struct{ conn driver.Conn }

// openStore returns a store that connects when first used.
func openStore(cfg ClickHouse) (*store, error) {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{cfg.Addr},
		Auth:        clickhouse.Auth{Database: cfg.Database, Username: cfg.User, Password: cfg.Password.Reveal()},
		DialTimeout: 3 * time.Second, ReadTimeout: 10 * time.Second, MaxOpenConns: 6, MaxIdleConns: 3, ConnMaxLifetime: time.Hour,
	})
	if err != nil {
		return nil, fmt.Errorf("CLICKHOUSE_ADDR: %w", err)
	}
	return &store{conn}, nil
}

func (s *store) migrate(ctx context.Context) error { return retryable(s.conn.Exec(ctx, createEvents)) }

// retryable marks a failure as retryable: the queries are constant, so the server is the cause.
func retryable(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, err, "ClickHouse is unavailable")
}

func (s *store) insert(ctx context.Context, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	batch, err := s.conn.PrepareBatch(ctx, `INSERT INTO events (event_id, event_type, topic, aggregate_id, tenant, user_id,
		amount, currency, request_id, occurred_at, data)`)
	if err != nil {
		return retryable(err)
	}
	defer batch.Close()
	for _, r := range rows {
		err := batch.Append(r.ID, r.Type, r.Topic, r.Aggregate, r.Tenant, r.User, r.Amount, r.Currency, r.RequestID,
			r.OccurredAt, r.Data)
		if err != nil {
			return err
		}
	}
	return retryable(batch.Send())
}

// minute is the statistics of orders in one minute.
type minute struct {
	Minute    time.Time `json:"minute" ch:"minute"`
	Placed    uint64    `json:"placed" ch:"placed"`
	Confirmed uint64    `json:"confirmed" ch:"confirmed"`
	Cancelled uint64    `json:"cancelled" ch:"cancelled"`
	Revenue   int64     `json:"revenue" ch:"revenue"` // of confirmed orders, in the smallest currency unit
}

// perMinute returns the minutes with events, latest first.
func (s *store) perMinute(ctx context.Context, minutes int) ([]minute, error) {
	found := []minute{}
	err := s.conn.Select(ctx, &found, `
		SELECT toStartOfMinute(occurred_at) AS minute, countIf(event_type = 'order.placed') AS placed,
		    countIf(event_type = 'order.confirmed') AS confirmed, countIf(event_type = 'order.cancelled') AS cancelled,
		    sumIf(amount, event_type = 'order.confirmed') AS revenue
		FROM events FINAL
		WHERE event_type IN ('order.placed', 'order.confirmed', 'order.cancelled') AND occurred_at >= ?
		GROUP BY minute ORDER BY minute DESC`, time.Now().UTC().Add(-time.Duration(minutes)*time.Minute))
	return found, retryable(err)
}

// counts returns the number of aggregates by event type.
func (s *store) counts(ctx context.Context, hours int) (map[string]uint64, error) {
	rows, err := s.conn.Query(ctx, `SELECT event_type, uniqExact(aggregate_id) FROM events FINAL WHERE occurred_at >= ?
		GROUP BY event_type`, since(hours))
	if err != nil {
		return nil, retryable(err)
	}
	defer rows.Close()
	counts := map[string]uint64{}
	for rows.Next() {
		var kind string
		var count uint64
		if err := rows.Scan(&kind, &count); err != nil {
			return nil, err
		}
		counts[kind] = count
	}
	return counts, retryable(rows.Err())
}

// recorded is an event in a response.
type recorded struct {
	ID         string    `json:"id" ch:"id"`
	Type       string    `json:"type" ch:"event_type"`
	Topic      string    `json:"topic" ch:"topic"`
	Aggregate  string    `json:"aggregate_id" ch:"aggregate_id"`
	Tenant     string    `json:"tenant" ch:"tenant"`
	Amount     int64     `json:"amount" ch:"amount"`
	RequestID  string    `json:"request_id" ch:"request_id"`
	OccurredAt time.Time `json:"occurred_at" ch:"occurred_at"`
}

// latest returns the newest events; filter is an event type, an aggregate ID, or "" for all.
func (s *store) latest(ctx context.Context, filter string, limit int) ([]recorded, error) {
	found := []recorded{}
	err := s.conn.Select(ctx, &found, `SELECT toString(event_id) AS id, event_type, topic, aggregate_id, tenant, amount,
		request_id, occurred_at FROM events FINAL WHERE ? = '' OR event_type = ? OR aggregate_id = ?
		ORDER BY occurred_at DESC, id DESC LIMIT ?`, filter, filter, filter, limit)
	return found, retryable(err)
}

// summary is the statistics of a period.
type summary struct {
	Events    uint64 `json:"events" ch:"events"`
	Placed    uint64 `json:"orders_placed" ch:"placed"`
	Confirmed uint64 `json:"orders_confirmed" ch:"confirmed"`
	Cancelled uint64 `json:"orders_cancelled" ch:"cancelled"`
	Revenue   int64  `json:"revenue" ch:"revenue"`
	Customers uint64 `json:"customers" ch:"customers"`
}

func (s *store) summary(ctx context.Context, hours int) (summary, error) {
	var found summary
	err := s.conn.QueryRow(ctx, `SELECT count() AS events, countIf(event_type = 'order.placed') AS placed,
		countIf(event_type = 'order.confirmed') AS confirmed, countIf(event_type = 'order.cancelled') AS cancelled,
		sumIf(amount, event_type = 'order.confirmed') AS revenue,
		uniqExactIf(user_id, event_type = 'order.confirmed') AS customers
		FROM events FINAL WHERE occurred_at >= ?`, since(hours)).ScanStruct(&found)
	return found, retryable(err)
}

func since(hours int) time.Time { return time.Now().UTC().Add(-time.Duration(hours) * time.Hour) }
