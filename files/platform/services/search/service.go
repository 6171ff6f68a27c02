// Package search searches products. Its index in Elasticsearch is built from product events only. To rebuild an empty index,
// reset the offsets of the consumer group.
package search

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
	Elastic
}

const (
	batchSize = 500
	batchWait = 50 * time.Millisecond
)

// Service implements the routes.
type Service struct{ index *index }

// Setup adds the service to the app.
func Setup(a *app.App, cfg Config) error {
	idx, err := openIndex(cfg.Elastic)
	if err != nil {
		return err
	}
	s := &Service{index: idx}
	a.VerifyRemote(cfg.Tokens)
	a.RequireCheck("elasticsearch", idx.ping)
	a.Init("creating index "+cfg.Index, idx.ensure)
	s.routes(a.API)
	kafka.Batch(a, cfg.Kafka, []string{kafka.ProductEvents}, batchSize, batchWait, s.onProducts)
	return nil
}

// onProducts indexes a batch of product events.
func (s *Service) onProducts(ctx context.Context, events []kafka.Event) error {
	documents := make([]document, 0, len(events))
	for _, event := range events {
		if d, ok := documentOf(ctx, event); ok {
			documents = append(documents, d)
		}
	}
	return s.index.put(ctx, documents)
}
