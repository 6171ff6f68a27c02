package analytics

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/logging"
)

func TestRowOf(t *testing.T) {
	tests := []struct {
		name, data string
		want       row
	}{
		{"an order", `{"user_id":"u1","total":1250,"currency":"EUR"}`, row{User: "u1", Amount: 1250, Currency: "EUR"}},
		{"a payment", `{"user_id":"u1","amount":99,"currency":"EUR"}`, row{User: "u1", Amount: 99, Currency: "EUR"}},
		{"media", `{"owner":"u2","size":7}`, row{User: "u2"}},
		{"another shape", `{"total":"many","user_id":7}`, row{}},
		{"no object", `[1]`, row{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			event := kafka.Event{
				ID: uuid.New(), Type: "x.y", Topic: "x.events", Key: "k", Tenant: "t", OccurredAt: time.Now(),
				Data: []byte(test.data), Headers: map[string]string{logging.RequestIDHeader: "r"},
			}
			got := rowOf(event)
			if got.ID != event.ID || got.Aggregate != "k" || got.RequestID != "r" || got.Data != test.data {
				t.Errorf("%+v", got)
			}
			if got.User != test.want.User || got.Amount != test.want.Amount || got.Currency != test.want.Currency {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestFunnelOf(t *testing.T) {
	found := funnelOf(map[string]uint64{"user.registered": 10, "order.placed": 4, "order.reserved": 4, "order.paid": 2})
	ratios := []float64{1, .4, 1, .5, 0}
	for i, s := range found {
		if s.Ratio != ratios[i] {
			t.Errorf("%s: %v, want %v", s.Name, s.Ratio, ratios[i])
		}
	}
}

// fakeStore is an event store whose summary fails.
type fakeStore struct{ eventStore }

func (fakeStore) summary(context.Context, int) (summary, error) {
	return summary{}, fault.New(fault.Unavailable, "ClickHouse cannot answer")
}

func (fakeStore) perMinute(context.Context, int) ([]minute, error) { return []minute{}, nil }

func TestRoutes(t *testing.T) {
	mux := &httpx.Mux{}
	(&Service{store: fakeStore{}}).routes(mux)
	for _, test := range []struct {
		path, permission string
		status           int
		contains         string
	}{
		{"summary", auth.AnalyticsRead, 503, "ClickHouse"},
		{"orders-per-minute", auth.AnalyticsRead, 200, `{"items":[]}`},
		{"orders-per-minute?minutes=0", auth.AnalyticsRead, 422, "minutes"},
		{"orders-per-minute", auth.OrdersPlace, 403, "analytics.read"},
	} {
		r := httptest.NewRequest("GET", "/api/v1/analytics/"+test.path, nil)
		r = r.WithContext(auth.WithClaims(r.Context(), auth.Claims{Permissions: []string{test.permission}}))
		recorder := httptest.NewRecorder()
		mux.ServeHTTP(recorder, r)
		if recorder.Code != test.status || !strings.Contains(recorder.Body.String(), test.contains) {
			t.Errorf("%s: %d %s", test.path, recorder.Code, recorder.Body)
		}
	}
}
