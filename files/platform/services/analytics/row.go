package analytics

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/logging"
)

// row is an event in the table: columns for frequent queries, and the original data.
type row struct {
	ID         uuid.UUID
	Type       string
	Topic      string
	Aggregate  string
	Tenant     string
	User       string
	Amount     int64 // in the smallest unit of the currency
	Currency   string
	RequestID  string
	OccurredAt time.Time
	Data       string
}

// rowOf returns the row of an event. Fields of unexpected types are ignored.
func rowOf(event kafka.Event) row {
	r := row{
		ID: event.ID, Type: event.Type, Topic: event.Topic, Aggregate: event.Key, Tenant: event.Tenant,
		RequestID: event.Headers[logging.RequestIDHeader], OccurredAt: event.OccurredAt.UTC(), Data: string(event.Data),
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(event.Data, &fields) != nil {
		return r
	}
	read := func(into any, names ...string) {
		for _, name := range names {
			if raw, ok := fields[name]; ok && json.Unmarshal(raw, into) == nil {
				return
			}
		}
	}
	read(&r.User, "user_id", "owner")
	read(&r.Amount, "total", "amount")
	read(&r.Currency, "currency")
	return r
}
