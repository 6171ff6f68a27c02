package kafka

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/metrics"
	"cloudlab.example/platform/internal/tracing"
)

const (
	sessionTimeout = 8 * time.Second // how long a crashed member keeps its partitions; the broker's minimum is 6 s
	maxAttempts    = 8               // for an event that fails for an unknown reason, until it becomes a dead letter
	maxBackoff     = 5 * time.Second
)

// Consumer reads topics as a member of the service's consumer group. Offsets are committed after the handler returns, so a
// handler receives every event at least once and must be idempotent (see the inbox of package outbox).
type Consumer struct {
	cfg     config.Kafka
	group   string
	topics  []string
	size    int           // maximum number of records per batch
	maxWait time.Duration // how long to wait for a full batch
	handle  handler
	client  atomic.Pointer[kgo.Client]
	// attempts counts failures for unknown reasons by event; only the goroutine of run uses it
	attempts map[string]int
}

// handler returns the records that are done, and those to retry.
type handler func(ctx context.Context, records []*kgo.Record) (done, retry []*kgo.Record, err error)

// Each calls handle for one event after the other. A retryable failure blocks the event's partition until it succeeds. An
// event that is Invalid, or fails repeatedly for other reasons, becomes a dead letter.
func Each(a *app.App, cfg config.Kafka, topics []string, handle func(context.Context, Event) error) *Consumer {
	c := newConsumer(a.Name, cfg, topics)
	c.handle = c.handleEach(handle)
	c.register(a)
	return c
}

// Batch calls handle for up to size events of all partitions, collected for at most maxWait. A failed batch is retried,
// together with later events.
func Batch(a *app.App, cfg config.Kafka, topics []string, size int, maxWait time.Duration,
	handle func(context.Context, []Event) error,
) *Consumer {
	c := newConsumer(a.Name, cfg, topics)
	c.size, c.maxWait = size, maxWait
	c.handle = c.handleBatch(handle)
	c.register(a)
	return c
}

func newConsumer(group string, cfg config.Kafka, topics []string) *Consumer {
	return &Consumer{cfg: cfg, group: group, topics: topics, size: 100, attempts: map[string]int{}}
}

func (c *Consumer) register(a *app.App) {
	a.DegradeCheck("kafka-consumer", func(ctx context.Context) error {
		if client := c.client.Load(); client != nil {
			return pingError(client.Ping(ctx), c.cfg)
		}
		return nil // not started: the check "start" reports the reason
	})
	a.Go("kafka-consumer", c.run)
}

// run joins the group and consumes until the context ends.
func (c *Consumer) run(ctx context.Context) error {
	host, _ := os.Hostname()
	client, err := kgo.NewClient(append(commonOptions(c.cfg, c.group),
		kgo.ConsumerGroup(c.group), kgo.ConsumeTopics(c.topics...), kgo.InstanceID(cmp.Or(c.cfg.InstanceID, host)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(sessionTimeout), kgo.HeartbeatInterval(sessionTimeout/4), kgo.RebalanceTimeout(30*time.Second),
		kgo.FetchMaxWait(time.Second),
	)...)
	if err != nil {
		return fmt.Errorf("KAFKA_BROKERS: %w", err)
	}
	defer client.CloseAllowingRebalance()
	c.client.Store(client)
	var backoff time.Duration
	for ctx.Err() == nil {
		err := c.process(ctx, client, c.collect(ctx, client))
		client.AllowRebalance()
		if err == nil {
			backoff = 0
			continue
		}
		backoff = min(max(2*backoff, 100*time.Millisecond), maxBackoff)
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
	}
	return nil
}

// collect waits for records, and for a batch until it is full or maxWait has passed.
func (c *Consumer) collect(ctx context.Context, client *kgo.Client) []*kgo.Record {
	records := poll(ctx, client, c.size)
	if len(records) == 0 || c.maxWait == 0 {
		return records
	}
	ctx, cancel := context.WithTimeout(ctx, c.maxWait)
	defer cancel()
	for len(records) < c.size && ctx.Err() == nil {
		records = append(records, poll(ctx, client, c.size-len(records))...)
	}
	return records
}

func poll(ctx context.Context, client *kgo.Client, limit int) []*kgo.Record {
	fetches := client.PollRecords(ctx, limit)
	fetches.EachError(func(topic string, partition int32, err error) {
		if ctx.Err() == nil { // the client retries
			slog.Warn("fetching records failed", "topic", topic, "partition", partition, "error", err)
		}
	})
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) > 0 {
			lag := p.HighWatermark - p.Records[len(p.Records)-1].Offset - 1
			metrics.ConsumerLag.WithLabelValues(p.Topic, strconv.Itoa(int(p.Partition))).Set(float64(lag))
		}
	})
	return fetches.Records()
}

// process handles the records, commits those that are done, and rewinds to those to retry.
func (c *Consumer) process(ctx context.Context, client *kgo.Client, records []*kgo.Record) error {
	if len(records) == 0 {
		return nil
	}
	done, retry, err := c.handle(ctx, records)
	if len(done) > 0 {
		// Also at shutdown. A failure is harmless: a later commit includes these offsets.
		commitCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if err := client.CommitRecords(commitCtx, done...); err != nil {
			slog.Warn("committing offsets failed", "error", err)
		}
	}
	if len(retry) > 0 {
		client.SetOffsets(firstOffsets(retry))
		metrics.Consumed.WithLabelValues(retry[0].Topic, "retried").Inc()
	}
	for _, record := range done {
		metrics.Consumed.WithLabelValues(record.Topic, "done").Inc()
	}
	return err
}

// firstOffsets returns the lowest offset of the records in each partition.
func firstOffsets(records []*kgo.Record) map[string]map[int32]kgo.EpochOffset {
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for _, record := range records {
		partitions := offsets[record.Topic]
		if partitions == nil {
			partitions = map[int32]kgo.EpochOffset{}
			offsets[record.Topic] = partitions
		}
		if first, ok := partitions[record.Partition]; !ok || record.Offset < first.Offset {
			partitions[record.Partition] = kgo.EpochOffset{Epoch: record.LeaderEpoch, Offset: record.Offset}
		}
	}
	return offsets
}

// handleEach returns a handler that calls handle per event. A failed event blocks later ones in its partition.
func (c *Consumer) handleEach(handle func(context.Context, Event) error) handler {
	return func(ctx context.Context, records []*kgo.Record) (done, retry []*kgo.Record, failed error) {
		type partition struct {
			topic  string
			number int32
		}
		blocked := map[partition]bool{}
		for _, record := range records {
			p := partition{record.Topic, record.Partition}
			if blocked[p] {
				continue
			}
			err := ctx.Err() // at shutdown, the next owner of the partition handles the rest
			if err == nil {
				err = c.handleRecord(ctx, record, handle)
			}
			if err != nil {
				blocked[p], failed = true, err
				retry = append(retry, record)
				continue
			}
			done = append(done, record)
		}
		return done, retry, failed
	}
}

// handleRecord handles a record; nil means that it is done, possibly as a dead letter.
func (c *Consumer) handleRecord(ctx context.Context, record *kgo.Record, handle func(context.Context, Event) error) error {
	event, err := FromRecord(record)
	if err == nil {
		err = callRecovered(ctx, event, handle)
	}
	position := fmt.Sprintf("%s/%d/%d", record.Topic, record.Partition, record.Offset)
	if err != nil && !fault.Retryable(err) {
		c.attempts[position]++
		if fault.KindOf(err) == fault.Invalid || c.attempts[position] >= maxAttempts {
			err = c.deadLetter(ctx, record, err)
		}
	}
	if err == nil {
		delete(c.attempts, position)
	}
	return err
}

// observe starts a span that continues the trace of the event. The returned function ends the span and logs the result.
func observe(ctx context.Context, event Event) (context.Context, func(error)) {
	ctx, span := tracing.Start(tracing.FromHeaders(ctx, event.Headers), "consume "+event.Topic, trace.SpanKindConsumer,
		attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", event.Topic),
		attribute.String("event.type", event.Type), attribute.String("messaging.message.id", event.ID.String()))
	start := time.Now()
	return ctx, func(err error) {
		tracing.End(span, err)
		level, attrs := slog.LevelInfo, []any{
			"topic", event.Topic, "type", event.Type, "event_id", event.ID.String(),
			"key", event.Key, "duration_ms", float64(time.Since(start).Microseconds()) / 1000,
		}
		if err != nil {
			level, attrs = slog.LevelWarn, append(attrs, "error", err)
		}
		slog.Log(ctx, level, "event", attrs...)
	}
}

// callRecovered calls the handler and converts a panic to an error.
func callRecovered(ctx context.Context, event Event, handle func(context.Context, Event) error) (err error) {
	ctx, end := observe(ctx, event)
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
		end(err)
	}()
	return handle(ctx, event)
}

// deadLetter sends a record to the dead letter topic with the reason, so that it does not block later ones.
func (c *Consumer) deadLetter(ctx context.Context, record *kgo.Record, reason error) error {
	slog.ErrorContext(ctx, "dead letter", "topic", record.Topic, "partition", record.Partition, "offset", record.Offset,
		"error", reason)
	letter := &kgo.Record{Topic: DeadLetters, Key: record.Key, Value: record.Value, Headers: append(record.Headers,
		kgo.RecordHeader{Key: "dead-group", Value: []byte(c.group)},
		kgo.RecordHeader{Key: "dead-topic", Value: []byte(record.Topic)},
		kgo.RecordHeader{Key: "dead-reason", Value: []byte(reason.Error())})}
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	if err := c.client.Load().ProduceSync(ctx, letter).FirstErr(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "publish a dead letter")
	}
	metrics.Consumed.WithLabelValues(record.Topic, "dead").Inc()
	return nil
}

// handleBatch returns a handler that calls handle per batch.
func (c *Consumer) handleBatch(handle func(context.Context, []Event) error) handler {
	return func(ctx context.Context, records []*kgo.Record) (done, retry []*kgo.Record, err error) {
		events := make([]Event, 0, len(records))
		for _, record := range records {
			event, err := FromRecord(record)
			if err != nil {
				if err := c.deadLetter(ctx, record, err); err != nil {
					return nil, records, err
				}
				continue
			}
			events = append(events, event)
		}
		ends := make([]func(error), len(events))
		for i, event := range events {
			_, ends[i] = observe(ctx, event)
		}
		err = handle(ctx, events)
		for _, end := range ends {
			end(err)
		}
		if err != nil {
			return nil, records, err
		}
		return records, nil, nil
	}
}
