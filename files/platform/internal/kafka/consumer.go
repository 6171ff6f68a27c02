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
	"cloudlab.example/platform/internal/otel"
)

const (
	sessionTimeout = 8 * time.Second // how long a crashed member keeps its partitions; the broker's least is 6 s
	maxAttempts    = 8               // of an event that fails for an unknown reason, before it is a dead letter
	maxPause       = 5 * time.Second
)

// Consumer reads topics as one member of the service's group. Offsets are committed after the handler is done, so a
// handler sees every event at least once and has to cope with repetition (see the inbox of package outbox).
type Consumer struct {
	cfg     config.Kafka
	group   string
	topics  []string
	size    int           // most records at a time
	maxWait time.Duration // how long to gather them
	handle  handler
	client  atomic.Pointer[kgo.Client]
	// attempts counts failures for unknown reasons, per event; only the goroutine of run touches it
	attempts map[string]int
}

// handler returns the records that are done, and those from which to begin again.
type handler func(ctx context.Context, records []*kgo.Record) (done, again []*kgo.Record, err error)

// Each calls handle for one event after the other. While it fails with a retryable fault, the event's partition waits.
// An event that is Invalid, or keeps failing for other reasons, becomes a dead letter.
func Each(a *app.App, cfg config.Kafka, topics []string, handle func(context.Context, Event) error) *Consumer {
	c := newConsumer(a.Name, cfg, topics)
	c.handle = c.each(handle)
	c.attach(a)
	return c
}

// Batch calls handle for up to size events of all partitions together, which it gathers for at most maxWait. A batch that
// fails is repeated, together with what came after it.
func Batch(a *app.App, cfg config.Kafka, topics []string, size int, maxWait time.Duration,
	handle func(context.Context, []Event) error,
) *Consumer {
	c := newConsumer(a.Name, cfg, topics)
	c.size, c.maxWait = size, maxWait
	c.handle = c.all(handle)
	c.attach(a)
	return c
}

func newConsumer(group string, cfg config.Kafka, topics []string) *Consumer {
	return &Consumer{cfg: cfg, group: group, topics: topics, size: 100, attempts: map[string]int{}}
}

func (c *Consumer) attach(a *app.App) {
	a.Uses("kafka-consumer", func(ctx context.Context) error {
		if client := c.client.Load(); client != nil {
			return explain(client.Ping(ctx), c.cfg)
		}
		return nil // not started: the check "start" says why
	})
	a.Go("kafka-consumer", c.run)
}

// run joins the group and consumes until the context ends.
func (c *Consumer) run(ctx context.Context) error {
	host, _ := os.Hostname()
	client, err := kgo.NewClient(append(common(c.cfg, c.group),
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
	var pause time.Duration
	for ctx.Err() == nil {
		err := c.process(ctx, client, c.gather(ctx, client))
		client.AllowRebalance()
		if err == nil {
			pause = 0
			continue
		}
		pause = min(max(2*pause, 100*time.Millisecond), maxPause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// gather waits for records and, where the consumer wants batches, for more of them until the batch is full or due.
func (c *Consumer) gather(ctx context.Context, client *kgo.Client) []*kgo.Record {
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
		if ctx.Err() == nil { // the client goes on trying by itself
			slog.Warn("fetch", "topic", topic, "partition", partition, "error", err)
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

// process handles the records, commits what is done, and rewinds to what is not.
func (c *Consumer) process(ctx context.Context, client *kgo.Client, records []*kgo.Record) error {
	if len(records) == 0 {
		return nil
	}
	done, again, err := c.handle(ctx, records)
	if len(done) > 0 {
		// At the end of the process what was done is still committed. Failing to is harmless: a later commit covers it.
		commitCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if err := client.CommitRecords(commitCtx, done...); err != nil {
			slog.Warn("commit", "error", err)
		}
	}
	if len(again) > 0 {
		client.SetOffsets(earliest(again))
		metrics.Consumed.WithLabelValues(again[0].Topic, "retried").Inc()
	}
	for _, record := range done {
		metrics.Consumed.WithLabelValues(record.Topic, "done").Inc()
	}
	return err
}

// earliest finds, for each partition, where its first record stands.
func earliest(records []*kgo.Record) map[string]map[int32]kgo.EpochOffset {
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

// each makes a handler of a function for one event. What follows a failed event in its partition waits with it.
func (c *Consumer) each(handle func(context.Context, Event) error) handler {
	return func(ctx context.Context, records []*kgo.Record) (done, again []*kgo.Record, failed error) {
		type partition struct {
			topic  string
			number int32
		}
		waiting := map[partition]bool{}
		for _, record := range records {
			at := partition{record.Topic, record.Partition}
			if waiting[at] {
				continue
			}
			err := ctx.Err() // stopping: leave the rest to the next owner
			if err == nil {
				err = c.one(ctx, record, handle)
			}
			if err != nil {
				waiting[at], failed = true, err
				again = append(again, record)
				continue
			}
			done = append(done, record)
		}
		return done, again, failed
	}
}

// one handles a record; nil means that it is done with, be it as a dead letter.
func (c *Consumer) one(ctx context.Context, record *kgo.Record, handle func(context.Context, Event) error) error {
	event, err := FromRecord(record)
	if err == nil {
		err = contained(ctx, event, handle)
	}
	place := fmt.Sprintf("%s/%d/%d", record.Topic, record.Partition, record.Offset)
	if err != nil && !fault.Retryable(err) {
		c.attempts[place]++
		if fault.KindOf(err) == fault.Invalid || c.attempts[place] >= maxAttempts {
			err = c.bury(ctx, record, err)
		}
	}
	if err == nil {
		delete(c.attempts, place)
	}
	return err
}

// observe begins a span that continues the event's cause. The function it returns ends the span and logs the outcome.
func observe(ctx context.Context, event Event) (context.Context, func(error)) {
	ctx, span := otel.Start(otel.FromHeaders(ctx, event.Headers), "consume "+event.Topic, trace.SpanKindConsumer,
		attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", event.Topic),
		attribute.String("event.type", event.Type), attribute.String("messaging.message.id", event.ID.String()))
	begin := time.Now()
	return ctx, func(err error) {
		otel.End(span, err)
		level, attrs := slog.LevelInfo, []any{
			"topic", event.Topic, "type", event.Type, "event_id", event.ID.String(),
			"key", event.Key, "duration_ms", float64(time.Since(begin).Microseconds()) / 1000,
		}
		if err != nil {
			level, attrs = slog.LevelWarn, append(attrs, "error", err)
		}
		slog.Log(ctx, level, "event", attrs...)
	}
}

// contained calls the handler; a panic is an error of this event, not the end of the process.
func contained(ctx context.Context, event Event, handle func(context.Context, Event) error) (err error) {
	ctx, end := observe(ctx, event)
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
		end(err)
	}()
	return handle(ctx, event)
}

// bury sends a record to the dead letters, with the reason, so that those behind it can go on.
func (c *Consumer) bury(ctx context.Context, record *kgo.Record, reason error) error {
	slog.ErrorContext(ctx, "dead letter", "topic", record.Topic, "partition", record.Partition, "offset", record.Offset,
		"error", reason)
	letter := &kgo.Record{Topic: DeadLetters, Key: record.Key, Value: record.Value, Headers: append(record.Headers,
		kgo.RecordHeader{Key: "dead-group", Value: []byte(c.group)},
		kgo.RecordHeader{Key: "dead-topic", Value: []byte(record.Topic)},
		kgo.RecordHeader{Key: "dead-reason", Value: []byte(reason.Error())})}
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	if err := c.client.Load().ProduceSync(ctx, letter).FirstErr(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "dead letter")
	}
	metrics.Consumed.WithLabelValues(record.Topic, "dead").Inc()
	return nil
}

// all makes a handler of a function for a batch.
func (c *Consumer) all(handle func(context.Context, []Event) error) handler {
	return func(ctx context.Context, records []*kgo.Record) (done, again []*kgo.Record, err error) {
		events := make([]Event, 0, len(records))
		for _, record := range records {
			event, err := FromRecord(record)
			if err != nil {
				if err := c.bury(ctx, record, err); err != nil {
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
