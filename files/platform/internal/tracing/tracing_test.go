package tracing

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"cloudlab.example/platform/internal/logging"
)

func TestHeadersCarryTraceAndRequest(t *testing.T) {
	if _, err := Setup(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	ctx, span := Start(logging.WithRequestID(t.Context(), "r-1"), "parent", trace.SpanKindServer)
	defer span.End()

	received := FromHeaders(context.Background(), Headers(ctx))

	if got := logging.RequestID(received); got != "r-1" {
		t.Errorf("request id %q", got)
	}
	if got := trace.SpanContextFromContext(received).TraceID(); got != span.SpanContext().TraceID() || !got.IsValid() {
		t.Errorf("trace id %s, want %s", got, span.SpanContext().TraceID())
	}
}

func TestSpansReachTheCollector(t *testing.T) {
	type export struct {
		path    string
		request collector.ExportTraceServiceRequest
		err     error
	}
	received := make(chan *export, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &export{path: r.URL.Path}
		var body []byte
		if body, e.err = io.ReadAll(r.Body); e.err == nil {
			e.err = proto.Unmarshal(body, &e.request)
		}
		received <- e
	}))
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)

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
	case got := <-received:
		if got.err != nil || got.path != "/v1/traces" {
			t.Fatalf("posted to %s: %v", got.path, got.err)
		}
		spans := got.request.GetResourceSpans()[0]
		if service := spans.GetResource().GetAttributes()[0]; service.GetKey() != "service.name" || service.GetValue().GetStringValue() != "test" {
			t.Errorf("resource %v", service)
		}
		if name := spans.GetScopeSpans()[0].GetSpans()[0].GetName(); name != "work" {
			t.Errorf("span %q", name)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no spans arrived")
	}
}
