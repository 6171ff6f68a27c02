// Package analytics counts. It consumes the events of all domains into ClickHouse, in batches, and answers live questions:
// orders and revenue per minute, and how far people get.
//
// Exactly once, in effect: Kafka delivers at least once, and a batch may be repeated after a crash. The table replaces
// rows of the same event id, and every query reads it with FINAL, so an event counts once however often it came.
package analytics

import (
	"context"
	"time"

	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/kafka"
)

// Config is the service's environment.
type Config struct {
	config.Common
	config.Tokens
	config.Kafka
	ClickHouse
	Topics []string `env:"ANALYTICS_TOPICS" envDefault:"auth.events,user.events,product.events,inventory.events,order.events,payment.events,content.events,notification.events"`
	// A batch is written when it is full or this old; every insert costs ClickHouse a file.
	BatchSize int           `env:"ANALYTICS_BATCH_SIZE" envDefault:"5000"`
	BatchWait time.Duration `env:"ANALYTICS_BATCH_WAIT" envDefault:"1s"`
}

// warehouse is what the service needs of its store.
type warehouse interface {
	insert(ctx context.Context, rows []row) error
	perMinute(ctx context.Context, minutes int) ([]minute, error)
	counts(ctx context.Context, hours int) (map[string]uint64, error)
	latest(ctx context.Context, kind string, limit int) ([]recorded, error)
	summary(ctx context.Context, hours int) (summary, error)
}

// Service is what the routes work with.
type Service struct{ store warehouse }

// Setup wires the service together.
func Setup(a *app.App, cfg Config) error {
	st, err := openStore(cfg.ClickHouse)
	if err != nil {
		return err
	}
	s := &Service{store: st}
	a.VerifyRemote(cfg.Tokens)
	a.Needs("clickhouse", st.conn.Ping)
	a.OnClose(func(context.Context) error { return st.conn.Close() })
	a.Init("tables", st.migrate)
	s.routes(a.API)
	kafka.Batch(a, cfg.Kafka, cfg.Topics, cfg.BatchSize, cfg.BatchWait, s.onEvents)
	return nil
}

func (s *Service) onEvents(ctx context.Context, events []kafka.Event) error {
	rows := make([]row, 0, len(events))
	for _, event := range events {
		rows = append(rows, rowOf(event))
	}
	return s.store.insert(ctx, rows)
}
