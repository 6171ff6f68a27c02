package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/otel"
)

// deliveryTimeout bounds how long Publish may try. Whoever publishes tries again later.
const deliveryTimeout = 5 * time.Second

// Producer publishes events.
type Producer struct{ client *kgo.Client }

// NewProducer connects when first used. Kafka being away degrades the service: its events wait in the outbox.
func NewProducer(a *app.App, cfg config.Kafka) (*Producer, error) {
	client, err := kgo.NewClient(producing(cfg, a.Name)...)
	if err != nil {
		return nil, fmt.Errorf("KAFKA_BROKERS: %w", err)
	}
	a.Uses("kafka", func(ctx context.Context) error { return explain(client.Ping(ctx), cfg) })
	a.OnClose(func(context.Context) error { client.Close(); return nil })
	return &Producer{client}, nil
}

func producing(cfg config.Kafka, name string) []kgo.Opt {
	return append(common(cfg, name),
		kgo.ProducerBatchCompression(kgo.NoCompression()), // events are small, and CPU is dearer than a local network
		kgo.RecordDeliveryTimeout(deliveryTimeout), kgo.ProducerLinger(0), kgo.UnknownTopicRetries(2))
}

func common(cfg config.Kafka, name string) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...), kgo.ClientID(name), kgo.MetadataMinAge(500 * time.Millisecond),
		kgo.RetryBackoffFn(func(tries int) time.Duration {
			return min(50*time.Millisecond<<min(tries, 10), 2*time.Second)
		}),
		kgo.DialTimeout(3 * time.Second),
	}
}

func explain(err error, cfg config.Kafka) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, err, "Kafka at %v does not answer", cfg.Brokers)
}

// Publish returns when every event is stored by the brokers, or with the first error: then some may be stored and some
// not, and all are to be published again. Consumers drop what they have seen.
func (p *Producer) Publish(ctx context.Context, events ...Event) error {
	records := make([]*kgo.Record, 0, len(events))
	spans := make([]trace.Span, 0, len(events))
	for _, event := range events {
		cause := otel.FromHeaders(ctx, event.Headers)
		cause, span := otel.Start(cause, "publish "+event.Topic, trace.SpanKindProducer,
			attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", event.Topic),
			attribute.String("event.type", event.Type), attribute.String("messaging.message.id", event.ID.String()))
		event.Headers = otel.Headers(cause)
		records, spans = append(records, event.Record()), append(spans, span)
	}
	err := p.client.ProduceSync(ctx, records...).FirstErr()
	for _, span := range spans {
		otel.End(span, err)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "publish %d events", len(events))
	}
	return nil
}
