package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func TestLinesCarryTheContextsIDs(t *testing.T) {
	var out bytes.Buffer
	logger := Setup(&out, "order", slog.LevelInfo).With("component", "saga")
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx := WithRequestID(trace.ContextWithSpanContext(context.Background(), span), "r-1")

	logger.DebugContext(ctx, "below the level")
	logger.InfoContext(ctx, "step done", "state", "paid")

	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("not one JSON line: %v: %s", err, out.String())
	}
	want := map[string]any{
		"level": "INFO", "msg": "step done", "service": "order", "component": "saga", "state": "paid",
		"request_id": "r-1", "trace_id": span.TraceID().String(), "span_id": span.SpanID().String(),
	}
	for key, value := range want {
		if line[key] != value {
			t.Errorf("%s = %v, want %v", key, line[key], value)
		}
	}
}
