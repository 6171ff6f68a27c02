// Package analytics stores the events of all domains in ClickHouse, in batches, and serves live statistics: orders and revenue
// per minute, and the order funnel.
//
// Kafka delivers at least once, and a batch may be repeated after a crash. The table replaces rows of the same event ID, and
// every query reads it with FINAL, so each event counts once.
package analytics

import (
	"context"
	"time"

	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/kafka"
)

// Config are the settings of the service, read from the environment.
type Config struct {
	config.Common
	config.Tokens
	config.Kafka
	ClickHouse
	Topics []string `env:"ANALYTICS_TOPICS" envDefault:"auth.events,user.events,product.events,inventory.events,order.events,payment.events,content.events,notification.events"`
	// A batch is written when it is full or this old: every insert creates a file in ClickHouse.
	BatchSize int           `env:"ANALYTICS_BATCH_SIZE" envDefault:"5000"`
	BatchWait time.Duration `env:"ANALYTICS_BATCH_WAIT" envDefault:"1s"`
}

// eventStore is the store that the service uses.
type eventStore interface {
	insert(ctx context.Context, rows []row) error
	perMinute(ctx context.Context, minutes int) ([]minute, error)
	counts(ctx context.Context, hours int) (map[string]uint64, error)
	latest(ctx context.Context, filter string, limit int) ([]recorded, error)
	summary(ctx context.Context, hours int) (summary, error)
}

// Service implements the routes.
type Service struct{ store eventStore }

// Setup adds the service to the app.
func Setup(a *app.App, cfg Config) error {
	st, err := openStore(cfg.ClickHouse)
	if err != nil {
		return err
	}
	s := &Service{store: st}
	a.VerifyRemote(cfg.Tokens)
	a.RequireCheck("clickhouse", st.conn.Ping)
	a.OnClose(func(context.Context) error { return st.conn.Close() })
	a.Init("creating tables", st.migrate)
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
