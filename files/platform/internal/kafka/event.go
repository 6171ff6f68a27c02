// Package kafka publishes and consumes the platform's events. An event is a record whose key is the ID of its aggregate, so
// that the events of an aggregate keep their order. ID, type, tenant, trace context and request ID are headers; the value is
// JSON.
package kafka

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"cloudlab.example/platform/internal/fault"
)

// The topics, one per domain.
const (
	AuthEvents         = "auth.events"
	UserEvents         = "user.events"
	ProductEvents      = "product.events"
	InventoryEvents    = "inventory.events"
	OrderEvents        = "order.events"
	PaymentEvents      = "payment.events"
	ContentEvents      = "content.events"
	NotificationEvents = "notification.events"
	DeadLetters        = "platform.dead-letters" // events that consumers could not handle
)

const (
	headerID     = "event-id"
	headerType   = "event-type"
	headerTenant = "tenant-id"
	headerTime   = "occurred-at"
)

// Event is something that happened to an aggregate.
type Event struct {
	ID         uuid.UUID
	Topic      string
	Type       string // "order.confirmed"
	Key        string // the aggregate's ID
	Tenant     string
	OccurredAt time.Time
	Data       json.RawMessage
	Headers    map[string]string // trace context and request ID
}

// Decode reads the event's data. An error is Invalid, because a retry cannot succeed.
func (e Event) Decode(value any) error {
	if err := json.Unmarshal(e.Data, value); err != nil {
		return fault.Wrap(fault.Invalid, err, "data of %s %s", e.Type, e.ID)
	}
	return nil
}

// Record returns the record of the event. Its timestamp is the time of sending: the delivery timeout starts there, and an
// event may have been in the outbox for a long time.
func (e Event) Record() *kgo.Record {
	record := &kgo.Record{Topic: e.Topic, Key: []byte(e.Key), Value: e.Data}
	add := func(key, value string) {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	add(headerID, e.ID.String())
	add(headerType, e.Type)
	add(headerTenant, e.Tenant)
	add(headerTime, e.OccurredAt.UTC().Format(time.RFC3339Nano))
	for _, key := range slices.Sorted(maps.Keys(e.Headers)) {
		add(key, e.Headers[key])
	}
	return record
}

// FromRecord reads a record. The error is Invalid if it is not an event of the platform.
func FromRecord(record *kgo.Record) (Event, error) {
	headers := make(map[string]string, len(record.Headers))
	for _, header := range record.Headers {
		headers[header.Key] = string(header.Value)
	}
	event := Event{
		Topic: record.Topic, Key: string(record.Key), Data: record.Value, Headers: headers,
		Type: headers[headerType], Tenant: headers[headerTenant], OccurredAt: record.Timestamp,
	}
	var err error
	if event.ID, err = uuid.Parse(headers[headerID]); err != nil {
		return event, fault.Wrap(fault.Invalid, err, "header %s", headerID)
	}
	if at, err := time.Parse(time.RFC3339Nano, headers[headerTime]); err == nil {
		event.OccurredAt = at
	}
	if event.Type == "" || !json.Valid(event.Data) {
		return event, fault.New(fault.Invalid, "event %s has no type or its value is not JSON", event.ID)
	}
	return event, nil
}

// String names the event in logs.
func (e Event) String() string { return fmt.Sprintf("%s %s of %s", e.Type, e.ID, e.Key) }
