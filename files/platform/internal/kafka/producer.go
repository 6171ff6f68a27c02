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
	"cloudlab.example/platform/internal/tracing"
)

// deliveryTimeout limits the retries of Publish. Callers retry later.
const deliveryTimeout = 5 * time.Second

// Producer publishes events.
type Producer struct{ client *kgo.Client }

// NewProducer returns a producer that connects when first used. Without Kafka the service is degraded, and its events stay
// in the outbox.
func NewProducer(a *app.App, cfg config.Kafka) (*Producer, error) {
	client, err := kgo.NewClient(producerOptions(cfg, a.Name)...)
	if err != nil {
		return nil, fmt.Errorf("KAFKA_BROKERS: %w", err)
	}
	a.DegradeCheck("kafka", func(ctx context.Context) error { return pingError(client.Ping(ctx), cfg) })
	a.OnClose(func(context.Context) error { client.Close(); return nil })
	return &Producer{client}, nil
}

func producerOptions(cfg config.Kafka, name string) []kgo.Opt {
	return append(commonOptions(cfg, name),
		kgo.ProducerBatchCompression(kgo.NoCompression()), // events are small, and CPU costs more than a local network
		kgo.RecordDeliveryTimeout(deliveryTimeout), kgo.ProducerLinger(0), kgo.UnknownTopicRetries(2))
}

func commonOptions(cfg config.Kafka, name string) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...), kgo.ClientID(name), kgo.MetadataMinAge(500 * time.Millisecond),
		kgo.RetryBackoffFn(func(tries int) time.Duration {
			return min(50*time.Millisecond<<min(tries, 10), 2*time.Second)
		}),
		kgo.DialTimeout(3 * time.Second),
	}
}

func pingError(err error, cfg config.Kafka) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, err, "Kafka at %v does not respond", cfg.Brokers)
}

// Publish returns when the brokers have stored every event, or with the first error. In that case some events may be stored,
// and the caller must publish all of them again: consumers drop duplicates.
func (p *Producer) Publish(ctx context.Context, events ...Event) error {
	records := make([]*kgo.Record, 0, len(events))
	spans := make([]trace.Span, 0, len(events))
	for _, event := range events {
		cause := tracing.FromHeaders(ctx, event.Headers)
		cause, span := tracing.Start(cause, "publish "+event.Topic, trace.SpanKindProducer,
			attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", event.Topic),
			attribute.String("event.type", event.Type), attribute.String("messaging.message.id", event.ID.String()))
		event.Headers = tracing.Headers(cause)
		records, spans = append(records, event.Record()), append(spans, span)
	}
	err := p.client.ProduceSync(ctx, records...).FirstErr()
	for _, span := range spans {
		tracing.End(span, err)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "publish %d events", len(events))
	}
	return nil
}
