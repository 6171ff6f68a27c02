// Package search finds products. It keeps an index in Elasticsearch, fed by the product events alone: the catalogue is
// never asked, and an empty index fills itself when the consumer group's offsets are reset.
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
	a.Needs("elasticsearch", idx.ping)
	a.Init("index "+cfg.Index, idx.ensure)
	s.routes(a.API)
	kafka.Batch(a, cfg.Kafka, []string{kafka.ProductEvents}, batchSize, batchWait, s.onProducts)
	return nil
}

// onProducts brings a batch of product events into the index.
func (s *Service) onProducts(ctx context.Context, events []kafka.Event) error {
	documents := make([]document, 0, len(events))
	for _, event := range events {
		if d, ok := documentOf(ctx, event); ok {
			documents = append(documents, d)
		}
	}
	return s.index.put(ctx, documents)
}
