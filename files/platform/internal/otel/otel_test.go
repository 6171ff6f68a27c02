package otel

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"cloudlab.example/platform/internal/log"
)

func TestHeadersCarryTraceAndRequest(t *testing.T) {
	if _, err := Setup(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	ctx, span := Start(log.WithRequestID(t.Context(), "r-1"), "parent", trace.SpanKindServer)
	defer span.End()

	received := FromHeaders(context.Background(), Headers(ctx))

	if got := log.RequestID(received); got != "r-1" {
		t.Errorf("request id %q", got)
	}
	if got := trace.SpanContextFromContext(received).TraceID(); got != span.SpanContext().TraceID() || !got.IsValid() {
		t.Errorf("trace id %s, want %s", got, span.SpanContext().TraceID())
	}
}

func TestSpansReachZipkin(t *testing.T) {
	received := make(chan string, 1)
	zipkin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received <- r.URL.Path
		w.WriteHeader(http.StatusAccepted)
	}))
	defer zipkin.Close()
	t.Setenv("OTEL_EXPORTER_ZIPKIN_ENDPOINT", zipkin.URL+"/api/v2/spans")

	flush, err := Setup(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	_, span := Start(t.Context(), "work", trace.SpanKindInternal)
	End(span, nil)
	if err := flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case path := <-received:
		if path != "/api/v2/spans" {
			t.Errorf("posted to %s", path)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no spans arrived")
	}
}
